package progress

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		l := New(&out)
		l.Begin("quick", "quick step")
		time.Sleep(time.Second)
		l.End("quick", "done")
		l.Begin("slow", "slow step")
		time.Sleep(20 * time.Second)
		l.End("slow", "done")
		l.End("slow", "done")
		l.Begin("again", "same step")
		time.Sleep(time.Second)
		l.Begin("again", "same step")
		time.Sleep(2 * time.Second)
		l.Begin("again", "another step")
		l.End("again", "done")
		l.Begin("left", "left open")
		l.Close()
		time.Sleep(time.Minute)
		l.Note("finished %d", 1)
		want := "slow step ...\nslow step ... (17.0 s)\nslow step: done after 20.0 s\nsame step ...\nfinished 1\n"
		if got := out.text.String(); got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
	})
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1300 * time.Millisecond: "1.3 s",
		125 * time.Second:       "2 min 5 s",
	} {
		if got := Seconds(d); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", d, got, want)
		}
	}
}
