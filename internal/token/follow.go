package token

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Store is what the tokens come from; *metadata.DB is one.
type Store interface {
	Tokens(ctx context.Context) ([]metadata.Token, error)
	Listen(ctx context.Context, channel string, f func(payload string)) error
}

// Follow keeps the set equal to the store until ctx ends: it is told of changes, and
// asks each interval beneath. While the store is away the set stays as it is.
func (s *Set) Follow(ctx context.Context, store Store, interval time.Duration, log zerolog.Logger) {
	wake := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_ = store.Listen(ctx, metadata.TokensChannel, func(string) {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	})
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, 10*interval)
		list, err := store.Tokens(asking)
		cancel()
		if err == nil {
			if err := s.Replace(list); err != nil {
				log.Warn().Err(err).Msg("the tokens would not be found on local disk after a restart")
			}
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}
