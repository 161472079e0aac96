package cli

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// said is a standard error that may be read while it is written.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(5 * time.Second):
		t.Fatal("never heard of: " + what)
	}
}

func TestFirstSignalIsAWishWhileAStackIsDeployed(t *testing.T) {
	signals := make(chan os.Signal, 2)
	var stderr said
	ctx, i := watch(t.Context(), signals, &stderr)
	wish, end := i.gently("rolling the stack back")
	signals <- os.Interrupt
	within(t, "the wish to roll back", wish)
	if ctx.Err() != nil {
		t.Error("the first signal ended the command")
	}
	signals <- os.Interrupt
	within(t, "the end after the second signal", ctx.Done())
	end()
	if !strings.Contains(stderr.String(), "rolling the stack back") {
		t.Errorf("said %q", stderr.String())
	}
}

func TestSignalStopsWhereNothingIsDeployed(t *testing.T) {
	signals := make(chan os.Signal, 1)
	var stderr said
	ctx, i := watch(t.Context(), signals, &stderr)
	_, end := i.gently("rolling the stack back")
	end()
	signals <- os.Interrupt
	within(t, "the end", ctx.Done())
	if stderr.String() != "" {
		t.Errorf("said %q", stderr.String())
	}
}
