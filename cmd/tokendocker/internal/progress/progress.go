// Package progress tells a person what is going on: nothing for what is over at once, a line for whatever takes
// longer, and again while it goes on.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// patience is how long a step may take before it is mentioned.
const patience = 2 * time.Second

// reminder is how often a step that is still running is mentioned again.
const reminder = 15 * time.Second

// Log writes one line at a time, from any goroutine. The zero value is not usable; call New.
type Log struct {
	mu    sync.Mutex
	out   io.Writer
	steps map[string]*step
}

type step struct {
	text  string
	since time.Time
	timer *time.Timer
	told  bool
}

// New returns a Log that writes to out.
func New(out io.Writer) *Log { return &Log{out: out, steps: map[string]*step{}} }

// Note writes a line at once.
func (l *Log) Note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(format, args...)
}

// Begin starts a step. It is mentioned when it takes longer than patience, and every reminder after that. A step
// of the same key that is still running goes on if it has the same text, and else ends silently.
func (l *Log) Begin(key, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &step{text: fmt.Sprintf(format, args...), since: time.Now()}
	if running := l.steps[key]; running != nil && running.text == s.text {
		return
	}
	l.drop(key)
	s.timer = time.AfterFunc(patience, func() { l.remind(key, s) })
	l.steps[key] = s
}

// End ends a step. A step that was mentioned is closed with a line that says how long it took.
func (l *Log) End(key, outcome string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, running := l.steps[key]
	if !running {
		return
	}
	l.drop(key)
	if s.told {
		l.line("%s: %s after %s", s.text, outcome, Seconds(time.Since(s.since)))
	}
}

// Close ends every step without a word.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.steps {
		l.drop(key)
	}
}

func (l *Log) remind(key string, s *step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.steps[key] != s {
		return
	}
	if s.told {
		l.line("%s ... (%s)", s.text, Seconds(time.Since(s.since)))
	} else {
		l.line("%s ...", s.text)
	}
	s.told = true
	s.timer.Reset(reminder)
}

func (l *Log) drop(key string) {
	if s, running := l.steps[key]; running {
		s.timer.Stop()
		delete(l.steps, key)
	}
}

func (l *Log) line(format string, args ...any) {
	fmt.Fprintf(l.out, format+"\n", args...)
}

// Seconds shows a duration as people read one: tenths of a second below a minute, whole seconds above.
func Seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
