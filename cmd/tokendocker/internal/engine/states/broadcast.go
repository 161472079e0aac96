package states

import "sync"

// broadcast hands the ids of ended builds to those who wait for one.
type broadcast struct {
	mu   sync.Mutex
	subs map[*subscription]bool
}

// subscription remembers the ids that it was told, so that an end between the start of a build and the wait for it is
// not missed.
type subscription struct {
	from *broadcast
	mu   sync.Mutex
	ids  map[string]bool
	news chan struct{}
}

func (b *broadcast) tell(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		s.mu.Lock()
		s.ids[id] = true
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
}

func (b *broadcast) subscribe() *subscription {
	s := &subscription{from: b, ids: map[string]bool{}, news: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[*subscription]bool{}
	}
	b.subs[s] = true
	return s
}

func (s *subscription) close() {
	s.from.mu.Lock()
	defer s.from.mu.Unlock()
	delete(s.from.subs, s)
}

func (s *subscription) heard(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[id]
}
