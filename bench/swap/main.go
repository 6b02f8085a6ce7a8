// Command swap moves an endpoint between two versions of a model for a bounded time,
// as a deployment by hand does, and prints how often as one line of JSON.
//
//	go run ./bench/swap -endpoint serving -model serving -versions 1,2 -every 1s -seconds 10
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// maxSeconds bounds one run.
const maxSeconds = 600

func main() {
	endpoint := flag.String("endpoint", "", "which to move")
	model := flag.String("model", "", "whose versions")
	versions := flag.String("versions", "1,2", "two, in turn")
	every := flag.Duration("every", time.Second, "between two moves")
	seconds := flag.Float64("seconds", 10, "how long, at most 600")
	flag.Parse()
	var between [2]int
	if n, err := fmt.Sscanf(*versions, "%d,%d", &between[0], &between[1]); n != 2 || err != nil || *endpoint == "" || *model == "" || *every <= 0 || *seconds <= 0 || *seconds > maxSeconds {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*seconds*float64(time.Second)))
	defer cancel()
	moves, err := move(ctx, *endpoint, *model, between, *every)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(map[string]int{"moves": moves})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "swap:", err)
		os.Exit(1)
	}
}

// move moves the endpoint until ctx ends. A move that was begun is finished.
func move(ctx context.Context, endpoint, model string, versions [2]int, every time.Duration) (int, error) {
	cfg, err := config.Load()
	if err != nil {
		return 0, err
	}
	whole := context.WithoutCancel(ctx)
	db, err := metadata.Open(whole, cfg.DatabaseURL.Reveal())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for moves := 0; ; moves++ {
		at, err := db.Endpoint(whole, endpoint)
		if err != nil {
			return moves, err
		}
		to := versions[0]
		if at.Live != nil && at.Live.ModelVersion == to {
			to = versions[1]
		}
		if _, err := db.SetRevision(whole, metadata.SetRevision{Endpoint: endpoint, Expected: at.Revision, ModelName: model, ModelVersion: to, Actor: "bench/swap", Reason: "measure a swap under load"}); err != nil {
			return moves, err
		}
		select {
		case <-ctx.Done():
			return moves + 1, nil
		case <-tick.C:
		}
	}
}
