package metadata_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestAuditPoliciesAreVersionsAndTheNewestIsInForce(t *testing.T) {
	db := testenv.Database(t)
	ctx := t.Context()
	first := metadata.AuditPolicy{Endpoint: "flights", Mode: metadata.AuditStrict, Columns: map[string]string{"ssn": metadata.ColumnHash}, Key: "env:K", Actor: "ana", Reason: "law"}
	for range 2 { // the same again is no change
		got, err := db.SetAuditPolicy(ctx, first)
		if err != nil || got.Version != 1 || got.Columns["ssn"] != "hash" || got.Key != "env:K" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	second := metadata.AuditPolicy{Endpoint: "flights", Mode: metadata.AuditBounded, MaxRecords: 10, MaxDelay: 250 * time.Millisecond, Actor: "ana"}
	if _, err := db.SetAuditPolicy(ctx, second); err != nil {
		t.Fatal(err)
	}
	list, err := db.AuditPolicies(ctx)
	if err != nil || len(list) != 1 || list[0].Version != 2 || list[0].MaxDelay != 250*time.Millisecond || len(list[0].Columns) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	history, err := db.AuditPolicyHistory(ctx, "flights")
	if err != nil || len(history) != 2 || history[1].Reason != "law" {
		t.Fatalf("%+v, %v", history, err)
	}
	if _, err := db.Pool().Exec(ctx, `update audit_policies set mode = 'strict'`); err == nil {
		t.Fatal("history was changed")
	}
}

func TestIdempotentAnswersAreForgottenAfterTheirTime(t *testing.T) {
	db := testenv.Database(t)
	ctx := t.Context()
	for key, age := range map[string]time.Duration{"young": time.Hour, "old": metadata.AnswersLive + time.Hour} {
		if _, err := db.Pool().Exec(ctx, `insert into idempotent_answers (endpoint, token, key, request_hash, header, body, prediction_id, at)
			values ('flights', '', $1, 'h', '{}', 'b', $2, now() - make_interval(secs => $3))`, key, uuid.Must(uuid.NewV7()), age.Seconds()); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]bool{"young": true, "old": false, "none": false} {
		if a, found, err := db.IdempotentAnswer(ctx, "flights", "", key); err != nil || found != want || found && string(a.Body) != "b" {
			t.Errorf("%s: %v, %v", key, found, err)
		}
	}
	if n, err := db.ForgetAnswers(ctx); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}
