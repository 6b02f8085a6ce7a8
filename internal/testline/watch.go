package testline

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Boundary is a moment in a run that the line's database knows of: a row of the
// steps table was committed, or the endpoint was moved.
type Boundary struct {
	Run   string
	Step  string // as in the steps table; "revision": the endpoint was moved
	State string // running, completed, …
}

// Watcher tells of boundaries within a millisecond or so of their commit, so
// that what is killed then is killed before its answer can reach Temporal.
type Watcher struct {
	l    *Line
	conn *pgx.Conn
}

// watchSQL makes the test's own database tell. The product has no need to.
const watchSQL = `
create or replace function testline_tell() returns trigger language plpgsql as $$
begin
    perform pg_notify('testline', case tg_table_name when 'steps'
        then format(E'%s\t%s\t%s', to_jsonb(new)->>'run', to_jsonb(new)->>'step', to_jsonb(new)->>'state')
        else format(E'%s\trevision\tcompleted', to_jsonb(new)->>'run') end);
    return new;
end $$;
create or replace trigger testline_steps after insert or update on steps for each row execute function testline_tell();
create or replace trigger testline_revisions after insert on revisions for each row execute function testline_tell();
listen testline`

// Watch begins to listen.
func (l *Line) Watch() *Watcher {
	l.tb.Helper()
	conn, err := pgx.Connect(l.tb.Context(), l.url)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(l.tb.Context(), watchSQL); err != nil {
		l.tb.Fatal(err)
	}
	return &Watcher{l: l, conn: conn}
}

// Next waits for the first boundary from now on that is the step (or a part of
// it) in the state. It forgets those before.
func (w *Watcher) Next(limit time.Duration, step, state string) Boundary {
	w.l.tb.Helper()
	ctx, cancel := context.WithTimeout(w.l.tb.Context(), limit)
	defer cancel()
	for {
		n, err := w.conn.WaitForNotification(ctx)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				w.l.tb.Fatalf("step %s was not %s within %s\nworker log:\n%s", step, state, limit, w.l.WorkerLog())
			}
			w.l.tb.Fatal(err)
		}
		at := strings.Split(n.Payload, "\t")
		if (at[1] == step || strings.HasPrefix(at[1], step+"/")) && at[2] == state {
			return Boundary{Run: at[0], Step: at[1], State: at[2]}
		}
	}
}

// FreezeServer stops the server where it stands, as a machine that hangs would.
func (l *Line) FreezeServer() {
	l.tb.Helper()
	if err := l.server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		l.tb.Fatal(err)
	}
}

// FreezeWorker stops the worker where it stands, and ThawWorker lets it go on as if
// no time had passed.
func (l *Line) FreezeWorker() { l.tb.Helper(); l.signalWorker(syscall.SIGSTOP) }

// ThawWorker undoes FreezeWorker.
func (l *Line) ThawWorker() { l.tb.Helper(); l.signalWorker(syscall.SIGCONT) }

func (l *Line) signalWorker(s syscall.Signal) {
	l.tb.Helper()
	if err := l.worker.cmd.Process.Signal(s); err != nil {
		l.tb.Fatal(err)
	}
}
