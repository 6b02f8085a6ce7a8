package main

import (
	"context"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
)

// follow waits for the database, then keeps the endpoints and drains the spool
// until ctx ends, and last drains what is left. Requests are answered meanwhile.
func (p *program) follow(ctx context.Context, watcher *serving.Watcher, self metadata.Server) {
	db := p.database(ctx)
	if db == nil {
		return
	}
	defer db.Close()
	p.db.Store(db)
	// What an earlier process of this address reported is not true of this one.
	if err := db.RemoveServer(ctx, self.ID); err != nil {
		p.log.Warn().Err(err).Msg("the reports of an earlier server at this address stay")
	}
	drainer := audit.NewDrainer(audit.DrainerOptions{Log: p.log, Sink: audit.NewPostgres(db), Spool: p.spool})
	var wg sync.WaitGroup
	wg.Go(func() { watcher.Run(ctx, db) })
	wg.Go(func() { drainer.Run(ctx) })
	if p.tokens != nil {
		wg.Go(func() { p.tokens.Follow(ctx, db, time.Second, p.log) })
	}
	wg.Wait()

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := drainer.DrainAll(last); err != nil {
		p.log.Warn().Err(err).Int64("backlog", p.spool.Health().Backlog).Msg("audit records stay in the spool for the next server")
	}
	if err := db.RemoveServer(last, self.ID); err != nil {
		p.log.Warn().Err(err).Msg("this server is still listed until its last heartbeat is old")
	}
}

// database connects, waits for the schema, and says once what it waits for. It
// returns nil when ctx ends first.
func (p *program) database(ctx context.Context) *metadata.DB {
	said := ""
	for {
		db, err := p.connect(ctx)
		if err == nil {
			if said != "" {
				p.log.Info().Msg("the database is there")
			}
			return db
		}
		if ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			p.log.Warn().Err(err).Msg("waiting for the database; known endpoints are answered meanwhile")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// connect opens the database if it has the schema this program was built for.
func (p *program) connect(ctx context.Context) (*metadata.DB, error) {
	db, err := metadata.Open(ctx, p.cfg.DatabaseURL.Reveal())
	if err != nil {
		return nil, err
	}
	have, known, err := db.SchemaVersion(ctx)
	if err == nil && have < known {
		err = fault.New(fault.DatabaseUnavailable, "the database's schema is at version %d, this server needs %d", have, known).WithRemedy("run: esteira migrate")
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
