package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// errInterrupted is why a command ended that its user stopped where nothing was left to roll back.
var errInterrupted = errors.New("interrupted")

// interrupts turns signals into what they mean to a command: the end of its context, or, while a stack is deployed,
// first the wish to roll it back.
type interrupts struct {
	stop context.CancelFunc
	err  io.Writer

	mu   sync.Mutex
	wish chan struct{} // closed by the first signal; nil where a signal ends the command at once
	say  string        // what the first signal is answered with
}

// watch returns a context that ends with a signal that nobody wants to hear of first, and the interrupts that decide it.
func watch(ctx context.Context, signals <-chan os.Signal, stderr io.Writer) (context.Context, *interrupts) {
	ctx, stop := context.WithCancel(ctx)
	i := &interrupts{stop: stop, err: stderr}
	go func() {
		for {
			select {
			case <-signals:
				i.signal()
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, i
}

// gently makes the first signal close the channel that it returns and say something, instead of ending the context. end
// takes that back.
func (i *interrupts) gently(say string) (wish <-chan struct{}, end func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wish, i.say = make(chan struct{}), say
	return i.wish, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.wish = nil
	}
}

func (i *interrupts) signal() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.wish == nil || closed(i.wish) {
		i.stop()
		return
	}
	close(i.wish)
	fmt.Fprintln(i.err, i.say)
}

// closed reports whether a channel on which nothing is sent is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
