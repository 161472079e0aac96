package rehearsals

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// How often TestKills kills, and where: `make kills` kills fifty times.
var (
	kills     = flag.Int("kills", 4, "how often TestKills kills a rehearsal")
	killsSeed = flag.Uint64("kills-seed", 0, "seed of TestKills' times; 0 takes a new one")
)

// TestKills kills rehearsals (kill -9) at random times between their start and their usual end. Whatever state that
// leaves, the next rehearsal succeeds with the value that it is given, and removes all that was left running.
func TestKills(t *testing.T) {
	t.Parallel()
	seed := *killsSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("the same times again: go test ./rehearsals -run TestKills -kills %d -kills-seed %d", *kills, seed)
	times := rand.New(rand.NewPCG(seed, 0))

	app := newApp(t, webApp(), webFiles)
	assembly := app.synthesize() // once: synthesizing again would be most of the time
	usual := app.run(nil, "rehearse", assembly, "--state", app.state, "--set", "Shop.Api.TopicName=first").wantExit(0).took
	for i := range *kills {
		if i%10 == 9 { // from nothing, now and then
			app.run(nil, "rehearse", assembly, "--state", app.state, "--destroy").wantExit(0)
		}
		killed, value := fmt.Sprintf("killed-%d", i), fmt.Sprintf("value-%d", i)
		after := time.Duration(times.Int64N(int64(usual)))
		run := app.command(nil, "rehearse", assembly, "--state", app.state, "--set", "Shop.Api.TopicName="+killed)
		must(t, run.Start())
		time.Sleep(after)
		_ = run.Process.Kill() // it may have ended by itself
		_ = run.Wait()
		next := app.run(nil, "rehearse", assembly, "--state", app.state, "--json", "--set", "Shop.Api.TopicName="+value)
		if next.exit != 0 {
			t.Fatalf("kill %d, after %s: the next rehearsal ends with %d:\n%s\n%s", i, after, next.exit, next.stderr, next.stdout)
		}
		if got := next.file(next.image("Shop/Web"), "/url"); string(got) != value {
			t.Errorf("kill %d, after %s: the next image holds %q", i, after, got)
		}
		app.wantNothingLeft()
	}
	app.run(nil, "rehearse", assembly, "--state", app.state, "--destroy").wantExit(0)
	app.wantNothingLeft()
}
