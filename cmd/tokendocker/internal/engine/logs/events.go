package logs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Limits of one batch, one event and one answer.
// Source: CloudWatch Logs API Reference, PutLogEvents and GetLogEvents.
const (
	maxBatch  = 1048576 // bytes, with perEvent for each
	maxEvents = 10000
	perEvent  = 26
	maxAge    = 14 * 24 * time.Hour
	maxAhead  = 2 * time.Hour
	maxSpan   = 24 * time.Hour // between the first and the last event of a batch
)

type putInput struct {
	target
	Events []struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	} `json:"logEvents"`
}

func (r *Room) putEvents(_ context.Context, call *protocol.Call, in putInput) (any, error) {
	s, err := r.stream(call.Region, in.target)
	if err != nil {
		return nil, err
	}
	if len(in.Events) == 0 || len(in.Events) > maxEvents {
		return nil, invalid("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d", maxEvents)
	}
	now := r.Clock.Now()
	var batch []event
	var tooOld, tooNew, size int
	for i, e := range in.Events {
		size += len(e.Message) + perEvent
		at := time.UnixMilli(e.Timestamp)
		switch {
		case e.Message == "":
			return nil, invalid("Log event message must not be empty.")
		case size > maxBatch:
			return nil, invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
		case i > 0 && e.Timestamp < in.Events[i-1].Timestamp:
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		case at.Sub(time.UnixMilli(in.Events[0].Timestamp)) > maxSpan:
			return nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
		case at.Before(now.Add(-maxAge)):
			tooOld = i + 1
		case at.After(now.Add(maxAhead)):
			tooNew = max(len(in.Events)-i, tooNew)
		default:
			batch = append(batch, event{Time: e.Timestamp, Ingested: now.UnixMilli(), Message: e.Message, visible: now.Add(r.Switches.LogDelay)})
		}
	}
	if len(batch) > 0 {
		if err := s.append(batch); err != nil {
			return nil, err
		}
	}
	out := map[string]any{"nextSequenceToken": fmt.Sprintf("%056d", len(s.events))}
	rejected := map[string]int{}
	if tooOld > 0 {
		rejected["tooOldLogEventEndIndex"] = tooOld
	}
	if tooNew > 0 {
		rejected["tooNewLogEventStartIndex"] = len(in.Events) - tooNew
	}
	if len(rejected) > 0 {
		out["rejectedLogEventsInfo"] = rejected
	}
	return out, nil
}

type getInput struct {
	target
	Start *int64 `json:"startTime"`
	End   *int64 `json:"endTime"`
	Next  string `json:"nextToken"`
	Limit int    `json:"limit"`
	Head  bool   `json:"startFromHead"`
}

type eventOutput struct {
	Stream   string `json:"logStreamName,omitempty"`
	Time     int64  `json:"timestamp"`
	Message  string `json:"message"`
	Ingested int64  `json:"ingestionTime"`
	ID       string `json:"eventId,omitempty"`
}

// getEvents reads a page. Both tokens are always there; the forward token of an empty page is the one that was
// given, which is how a reader knows that there is no more yet.
func (r *Room) getEvents(_ context.Context, call *protocol.Call, in getInput) (any, error) {
	s, err := r.stream(call.Region, in.target)
	if err != nil {
		return nil, err
	}
	size, err := pageSize(in.Limit, maxEvents)
	if err != nil {
		return nil, err
	}
	events := slices.DeleteFunc(slices.Clone(s.shown(r.Clock.Now())), func(e event) bool { return outside(e, in.Start, in.End) })
	first, last := 0, len(events) // the page lies in between
	forward := in.Head
	from := position{}
	if in.Next != "" {
		if forward, from, err = parseToken(in.Next); err != nil {
			return nil, err
		}
		at := sort.Search(len(events), func(i int) bool { return events[i].key().compare(from) >= 0 })
		if forward {
			first = at
		} else {
			last = at
		}
	}
	events = cutPage(events[first:last], forward, size)
	next, back := from, from
	if len(events) > 0 {
		back = events[0].key()
		next = events[len(events)-1].key()
		next.seq++
	}
	out := make([]eventOutput, len(events))
	for i, e := range events {
		out[i] = eventOutput{Time: e.Time, Message: e.Message, Ingested: e.Ingested}
	}
	return map[string]any{"events": out, "nextForwardToken": token("f", next), "nextBackwardToken": token("b", back)}, nil
}

// cutPage keeps at most limit events and one answer's bytes, from the front or from the back.
func cutPage(events []event, forward bool, limit int) []event {
	n, size := 0, 0
	for n < len(events) && n < limit {
		e := events[n]
		if !forward {
			e = events[len(events)-1-n]
		}
		if size += len(e.Message) + perEvent; size > maxBatch && n > 0 {
			break
		}
		n++
	}
	if forward {
		return events[:n]
	}
	return events[len(events)-n:]
}

func outside(e event, start, end *int64) bool {
	return start != nil && e.Time < *start || end != nil && e.Time >= *end
}

func token(direction string, p position) string {
	return fmt.Sprintf("%s/%028d%028d/s", direction, p.time, p.seq)
}

func parseToken(text string) (forward bool, p position, err error) {
	var direction string
	if n, err := fmt.Sscanf(text, "%1s/%28d%28d/s", &direction, &p.time, &p.seq); n != 3 || err != nil || direction != "f" && direction != "b" {
		return false, p, invalid("The specified nextToken is invalid.")
	}
	return direction == "f", p, nil
}

type filterInput struct {
	target
	Streams []string `json:"logStreamNames"`
	Prefix  string   `json:"logStreamNamePrefix"`
	Start   *int64   `json:"startTime"`
	End     *int64   `json:"endTime"`
	Pattern string   `json:"filterPattern"`
	Next    string   `json:"nextToken"`
	Limit   int      `json:"limit"`
}

func (r *Room) filterEvents(_ context.Context, call *protocol.Call, in filterInput) (any, error) {
	streams := r.streams[groupKey(call.Region, in.group())]
	if streams == nil {
		return nil, errNoGroup
	}
	size, err := pageSize(in.Limit, maxEvents)
	if err != nil {
		return nil, err
	}
	matches, err := parsePattern(in.Pattern)
	if err != nil {
		return nil, err
	}
	for _, name := range in.Streams {
		if streams[name] == nil {
			return nil, errNoStream
		}
	}
	var all []eventOutput
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		if !strings.HasPrefix(name, in.Prefix) || len(in.Streams) > 0 && !slices.Contains(in.Streams, name) {
			continue
		}
		for _, e := range streams[name].shown(r.Clock.Now()) {
			if !outside(e, in.Start, in.End) && matches(e.Message) {
				all = append(all, eventOutput{name, e.Time, e.Message, e.Ingested, fmt.Sprintf("%028d%08d%s", e.Time, e.seq, name)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b eventOutput) int { return strings.Compare(a.ID, b.ID) })
	events, next := page(all, in.Next, size, func(e eventOutput) string { return e.ID })
	out := map[string]any{"events": events, "searchedLogStreams": []any{}}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}

// parsePattern reads a filter pattern of terms: all must be in the message, of those after ? at least one, of those
// after - none. Terms in quotes may hold spaces.
// Source: CloudWatch Logs User Guide, "Filter pattern syntax", unstructured log events.
func parsePattern(text string) (func(string) bool, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.HasPrefix(text, "%") {
		return nil, protocol.Errorf("InvalidParameterException", "tokendocker reads only filter patterns of terms, not %q", text)
	}
	var all, some, none []string
	for text != "" {
		list := &all
		switch text[0] {
		case '?':
			list, text = &some, text[1:]
		case '-':
			list, text = &none, text[1:]
		}
		var term string
		if strings.HasPrefix(text, `"`) {
			before, after, ok := strings.Cut(text[1:], `"`)
			if !ok {
				return nil, invalid("Invalid filter pattern")
			}
			term, text = before, after
		} else {
			term, text, _ = strings.Cut(text, " ")
		}
		*list = append(*list, term)
		text = strings.TrimSpace(text)
	}
	return func(message string) bool {
		in := func(term string) bool { return strings.Contains(message, term) }
		out := func(term string) bool { return !in(term) }
		return !slices.ContainsFunc(all, out) && !slices.ContainsFunc(none, in) && (len(some) == 0 || slices.ContainsFunc(some, in))
	}, nil
}
