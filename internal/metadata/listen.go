package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listen calls f with the payload of every notification on the channel, one at
// a time, until ctx ends; it returns ctx's error. A lost connection is made
// again. Whenever it listens anew, the first time too, f is called with an empty
// payload: notifications may have been missed, so look at the tables.
func (db *DB) Listen(ctx context.Context, channel string, f func(payload string)) error {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		_ = db.listenOnce(ctx, channel, f) // whatever it was, the cure is to connect again
		if time.Since(began) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
	return ctx.Err()
}

func (db *DB) listenOnce(ctx context.Context, channel string, f func(string)) error {
	// A connection of its own: the pool must not be short of one for good.
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, `listen `+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	f("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		f(n.Payload)
	}
}
