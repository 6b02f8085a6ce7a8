package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// probe says whether a part answers. The probe http://… wants status 200,
// postgres://ADDRESS the answer of a server that accepts logins, and none at all
// is content with a running process.
func probe(target string) error {
	if target == "" {
		return nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	if u.Scheme == "postgres" {
		return probePostgres(u.Host)
	}
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", target, response.Status)
	}
	return nil
}

// probePostgres begins a login as the protocol has it (version 3.0). A server
// that is ready asks for authentication (R); one that starts or stops sends an
// error (E).
func probePostgres(address string) error {
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))

	var body bytes.Buffer
	binary.Write(&body, binary.BigEndian, uint32(3<<16))
	body.WriteString("user\x00esteira\x00database\x00esteira\x00\x00")
	message := binary.BigEndian.AppendUint32(nil, uint32(body.Len()+4))
	if _, err := conn.Write(append(message, body.Bytes()...)); err != nil {
		return err
	}
	var kind [1]byte
	if _, err := io.ReadFull(conn, kind[:]); err != nil {
		return err
	}
	if kind[0] != 'R' {
		return fmt.Errorf("postgres at %s does not accept logins yet", address)
	}
	return nil
}
