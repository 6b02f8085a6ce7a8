package outbound

import (
	"net"
	"net/netip"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Public refuses an address (host:port, the host a number) that is not of the public
// internet: ConfigInvalid.
func Public(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	ip = ip.WithZone("").Unmap()
	if ip.IsGlobalUnicast() && !ip.IsPrivate() && !reserved(ip) {
		return nil
	}
	return fault.New(fault.ConfigInvalid, "%s is not a public address, and this worker reaches no other", ip).
		WithRemedy("copy the data to a file or S3, or set ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true for the worker")
}

// special are the blocks of IANA's special-purpose registries that net/netip
// calls global: shared address space, "this network", protocol assignments,
// documentation and benchmarks, reserved, and the IPv6 forms that embed an IPv4
// address (6to4, Teredo, NAT64).
var special = func() (list []netip.Prefix) {
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(block))
	}
	return list
}()

func reserved(ip netip.Addr) bool {
	for _, block := range special {
		if block.Contains(ip) {
			return true
		}
	}
	return false
}
