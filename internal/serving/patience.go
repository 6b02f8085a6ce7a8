package serving

import (
	"context"
	"sync"
	"time"
)

// patience hands out contexts that end a while from now. Those asked for in the same
// moment are one: a context and a timer for each request cost as much as its prediction.
type patience struct {
	mu    sync.Mutex
	ctx   context.Context
	asked time.Time
}

// lasting returns a context that ends after d, or at most an eighth of it later.
func (p *patience) lasting(d time.Duration) context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.ctx == nil || now.Sub(p.asked) >= d/8 {
		ctx, cancel := context.WithTimeout(context.Background(), d+d/8)
		context.AfterFunc(ctx, cancel) // those who have it may need it until then
		p.ctx, p.asked = ctx, now
	}
	return p.ctx
}
