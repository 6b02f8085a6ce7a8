package main

import (
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Under bounded audit a killed server may lose answers: no more than the bound each
// time, and every one that is missing is declared.
func TestKilledUnderBoundedAuditEveryLossIsDeclared(t *testing.T) {
	s := setup(t)
	s.deploy(t, 0)
	const bound = 4
	if _, err := s.db.SetAuditPolicy(t.Context(), metadata.AuditPolicy{
		Endpoint: "flights", Mode: metadata.AuditBounded, MaxRecords: bound, MaxDelay: time.Minute, Actor: "test",
	}); err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	const rounds = 3
	for range rounds {
		began := time.Now()
		s.start(t)
		s.connected(t, began) // the policy is in force
		eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
		answers, ids, stop := s.load(t, 0)
		eventually(t, "some answers", func() bool { return answers.Load() > 300 })
		s.kill()
		stop()
		ids.Range(func(id, _ any) bool { answered[id.(string)] = true; return true })
	}
	s.start(t)
	lost := func() (n, gaps int) {
		err := s.db.Pool().QueryRow(t.Context(), `select coalesce(sum((outputs->>'lost')::int), 0), count(*) from predictions where error like 'AuditGap: %' and status = 0`).Scan(&n, &gaps)
		if err != nil {
			t.Fatal(err)
		}
		return n, gaps
	}
	eventually(t, "what is not in the table is declared", func() bool {
		found, missing := s.rows(t), 0
		for id := range answered {
			if found[id] != 1 {
				missing++
			}
		}
		declared, _ := lost()
		return missing <= declared
	})
	if declared, gaps := lost(); declared > bound*rounds || gaps > rounds {
		t.Fatalf("%d answers in %d gaps, at most %d of each of %d servers", declared, gaps, bound, rounds)
	}
	var early int
	if err := s.db.Pool().QueryRow(t.Context(), `select count(*) from predictions where mode = 'bounded' and status = 200`).Scan(&early); err != nil || early == 0 {
		t.Fatalf("%d answers left before their sync, %v", early, err)
	}
}
