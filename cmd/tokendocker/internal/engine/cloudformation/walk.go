package cloudformation

import "context"

// walk calls do for every name once do has returned for all that the name needs, as many at once as that allows.
// Names whose needs failed are left out. After the first failure nothing new is started, unless goOn is set, and
// failure (nil: nothing) is called, while what runs is waited for. It returns the errors by name.
func walk(ctx context.Context, names []string, needs map[string][]string, goOn bool, failure func(), do func(ctx context.Context, name string) error) map[string]error {
	type result struct {
		name string
		err  error
	}
	w := newWaiting(names, needs)
	results := make(chan result)
	errs := map[string]error{}
	for running := 0; ; {
		for len(w.ready) > 0 && ctx.Err() == nil && (goOn || len(errs) == 0) {
			name := w.ready[0]
			w.ready = w.ready[1:]
			running++
			go func() { results <- result{name, do(ctx, name)} }()
		}
		if running == 0 {
			return errs
		}
		r := <-results
		running--
		if r.err == nil {
			w.done(r.name)
			continue
		}
		errs[r.name] = r.err
		if len(errs) == 1 && failure != nil {
			failure()
		}
	}
}

// waiting knows which names are ready and which still wait.
type waiting struct {
	ready []string
	left  map[string]int
	users map[string][]string
}

func newWaiting(names []string, needs map[string][]string) *waiting {
	w := &waiting{left: map[string]int{}, users: map[string][]string{}}
	for _, name := range names {
		w.left[name] = 0
	}
	for _, name := range names {
		for _, other := range needs[name] {
			if _, ok := w.left[other]; ok {
				w.left[name]++
				w.users[other] = append(w.users[other], name)
			}
		}
		if w.left[name] == 0 {
			w.ready = append(w.ready, name)
		}
	}
	return w
}

func (w *waiting) done(name string) {
	for _, user := range w.users[name] {
		if w.left[user]--; w.left[user] == 0 {
			w.ready = append(w.ready, user)
		}
	}
}
