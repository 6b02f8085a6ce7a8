package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// beside is a second server of the same database and store, with an address, a cache
// and a spool of its own.
func (s *stand) beside(t *testing.T) *stand {
	t.Helper()
	address, dir := freeAddress(t), t.TempDir()
	other := &stand{db: s.db, store: s.store, url: "http://" + address}
	other.env = append(slices.Clone(s.env), "ESTEIRA_LISTEN="+address, "ESTEIRA_CACHE_DIR="+filepath.Join(dir, "cache"), "ESTEIRA_SPOOL_DIR="+filepath.Join(dir, "spool"))
	t.Cleanup(func() {
		other.kill()
		if t.Failed() {
			t.Logf("the other server:\n%s", other.log.String())
		}
	})
	return other
}

// revision is what the server answers with; "": it does not.
func (s *stand) revision(client *http.Client) string {
	res, err := client.Post(s.url+"/v1/endpoints/flights/predict", "application/json", strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`))
	if err != nil {
		return ""
	}
	res.Body.Close()
	return res.Header.Get("Esteira-Revision")
}

// Two servers answer from a new revision within a second of it, as they are told of it
// and do not find it out at their next poll; and where what tells them is lost, they
// agree by polling.
func TestTwoServersAgree(t *testing.T) {
	t.Parallel()
	one := setup(t)
	two := one.beside(t)
	one.deploy(t, 0)
	one.start(t)
	two.start(t)
	agree := func(revision int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("both answer from revision %d", revision), func() bool {
			want := fmt.Sprint(revision)
			return one.revision(http.DefaultClient) == want && two.revision(http.DefaultClient) == want
		})
	}
	agree(1)
	// Each is deployed when both have just looked: who is not told waits for a whole
	// second. Most are judged and not all, as the machine may be busy with something else.
	const rounds = 7
	var took []time.Duration
	for n := int64(1); n <= rounds; n++ {
		one.deploy(t, n)
		agree(n + 1)
		var last time.Duration
		eventually(t, "both have said so", func() bool {
			var said int
			var seconds float64
			err := one.db.Pool().QueryRow(t.Context(), `select count(*), coalesce(max(extract(epoch from s.answered_at - r.created)), 0)::float8 from server_revisions s
				join revisions r using (endpoint, revision) where endpoint = 'flights' and revision = $1 and s.state = 'live'`, n+1).Scan(&said, &seconds)
			if err != nil {
				t.Fatal(err)
			}
			last = time.Duration(seconds * float64(time.Second))
			return said == 2
		})
		took = append(took, last)
	}
	slices.Sort(took)
	t.Log(took)
	if took[rounds/2] > 500*time.Millisecond {
		t.Fatalf("agreement took %s: nobody told the servers", took)
	}

	// As one.deploy, but that nobody is told.
	if _, err := one.db.Pool().Exec(t.Context(), `with made as (
			insert into revisions (endpoint, revision, model_name, model_version, actor, previous)
			select endpoint, revision + 1, model_name, 1, 'test', revision from revisions where endpoint = 'flights' and revision = $1 returning revision)
		update endpoints set revision = made.revision from made where name = 'flights'`, rounds+1); err != nil {
		t.Fatal(err)
	}
	agree(rounds + 2)
}
