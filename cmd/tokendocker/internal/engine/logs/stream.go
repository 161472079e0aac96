package logs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// stream is a log stream: a file whose first line names it and whose other lines are its events, in the order in
// which they came.
type stream struct {
	name    string
	created int64
	file    string
	bytes   int64
	events  []event // by time, then as they came
}

type event struct {
	Time     int64  `json:"t"` // milliseconds since 1970, as the writer says
	Ingested int64  `json:"i"`
	Message  string `json:"m"`

	seq     int       // place in the file
	visible time.Time // zero for what an earlier run wrote
}

type streamHead struct {
	Name    string `json:"name"`
	Created int64  `json:"created"`
}

// loadStreams reads the streams of a group's folder. A last line that a killed process left half-written is dropped.
func loadStreams(dir string) (map[string]*stream, error) {
	out := map[string]*stream{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read logs: %w", err)
	}
	for _, e := range entries {
		s, err := loadStream(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if s != nil {
			out[s.name] = s
		}
	}
	return out, nil
}

func loadStream(file string) (*stream, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read logs: %w", err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if len(whole) < len(text) {
		if err := os.Truncate(file, int64(len(whole))); err != nil {
			return nil, fmt.Errorf("repair log %s: %w", file, err)
		}
	}
	lines := bytes.Split(whole, []byte("\n"))
	var head streamHead
	if json.Unmarshal(lines[0], &head) != nil || head.Name == "" {
		return nil, nil //nolint:nilerr // its first write was cut off; nothing was ever in it
	}
	s := &stream{name: head.Name, created: head.Created, file: file}
	for _, line := range lines[1 : len(lines)-1] {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read log %s: %w", file, err)
		}
		s.add(e)
	}
	s.sort()
	return s, nil
}

func (s *stream) add(e event) {
	e.seq = len(s.events)
	s.bytes += int64(len(e.Message)) + perEvent
	s.events = append(s.events, e)
}

func (s *stream) sort() {
	slices.SortStableFunc(s.events, func(a, b event) int { return a.key().compare(b.key()) })
}

// position is a place in a stream.
type position struct {
	time int64
	seq  int
}

func (e event) key() position { return position{e.Time, e.seq} }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.seq, q.seq))
}

// append writes events to the file at once, then shows them. What could be written only in part is taken back, so that
// what comes later does not end up behind half a line.
func (s *stream) append(events []event) error {
	f, err := os.OpenFile(s.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	before, err := f.Seek(0, io.SeekEnd)
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for _, ev := range events {
		if err == nil {
			err = e.Encode(ev)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(before))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	sorted := true
	for _, ev := range events {
		sorted = sorted && (len(s.events) == 0 || s.events[len(s.events)-1].Time <= ev.Time)
		s.add(ev)
	}
	if !sorted {
		s.sort()
	}
	return nil
}

// shown returns the events that can be seen now.
func (s *stream) shown(now time.Time) []event {
	hidden := func(e event) bool { return e.visible.After(now) }
	if !slices.ContainsFunc(s.events, hidden) {
		return s.events
	}
	return slices.DeleteFunc(slices.Clone(s.events), hidden)
}

func (r *Room) createStream(_ context.Context, call *protocol.Call, in target) (any, error) {
	key := groupKey(call.Region, in.group())
	streams := r.streams[key]
	switch {
	case streams == nil:
		return nil, errNoGroup
	case streams[in.LogStreamName] != nil:
		return nil, protocol.Errorf("ResourceAlreadyExistsException", "The specified log stream already exists")
	case in.LogStreamName == "" || len(in.LogStreamName) > 512 || strings.ContainsAny(in.LogStreamName, ":*"):
		return nil, invalid("1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [^:*]*", in.LogStreamName)
	}
	sum := sha256.Sum256([]byte(in.LogStreamName))
	s := &stream{
		name: in.LogStreamName, created: r.Clock.Now().UnixMilli(),
		file: filepath.Join(r.groupDir(key), hex.EncodeToString(sum[:12])+".jsonl"),
	}
	head, err := json.Marshal(streamHead{s.name, s.created})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(s.file, append(head, '\n'), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("create log stream: %w", err)
	}
	streams[s.name] = s
	return nil, nil
}

func (r *Room) stream(region string, in target) (*stream, error) {
	streams := r.streams[groupKey(region, in.group())]
	if streams == nil {
		return nil, errNoGroup
	}
	if s := streams[in.LogStreamName]; s != nil {
		return s, nil
	}
	return nil, errNoStream
}

func (r *Room) deleteStream(_ context.Context, call *protocol.Call, in target) (any, error) {
	s, err := r.stream(call.Region, in)
	if err != nil {
		return nil, err
	}
	delete(r.streams[groupKey(call.Region, in.group())], s.name)
	return nil, os.Remove(s.file)
}

type describeStreamsInput struct {
	target
	Prefix     string `json:"logStreamNamePrefix"`
	OrderBy    string `json:"orderBy"`
	Descending bool   `json:"descending"`
	Limit      int    `json:"limit"`
	Next       string `json:"nextToken"`
}

type streamOutput struct {
	Name     string `json:"logStreamName"`
	Created  int64  `json:"creationTime"`
	First    int64  `json:"firstEventTimestamp,omitempty"`
	Last     int64  `json:"lastEventTimestamp,omitempty"`
	Ingested int64  `json:"lastIngestionTime,omitempty"`
	ARN      string `json:"arn"`
	Bytes    int64  `json:"storedBytes"`
}

func (r *Room) describeStreams(_ context.Context, call *protocol.Call, in describeStreamsInput) (any, error) {
	key := groupKey(call.Region, in.group())
	if r.streams[key] == nil {
		return nil, errNoGroup
	}
	size, err := pageSize(in.Limit, maxListed)
	if err != nil {
		return nil, err
	}
	if in.OrderBy == "LastEventTime" && in.Prefix != "" {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	var all []streamOutput
	for _, s := range r.streams[key] {
		if !strings.HasPrefix(s.name, in.Prefix) {
			continue
		}
		out := streamOutput{Name: s.name, Created: s.created, Bytes: s.bytes,
			ARN: r.groupARN(group{Name: in.group(), Region: call.Region}) + ":log-stream:" + s.name}
		if events := s.shown(r.Clock.Now()); len(events) > 0 {
			last := events[len(events)-1]
			out.First, out.Last, out.Ingested = events[0].Time, last.Time, last.Ingested
		}
		all = append(all, out)
	}
	slices.SortFunc(all, func(a, b streamOutput) int {
		order := strings.Compare(a.Name, b.Name)
		if in.OrderBy == "LastEventTime" {
			order = cmp.Or(cmp.Compare(a.Last, b.Last), order)
		}
		if in.Descending {
			return -order
		}
		return order
	})
	out, next, ok := protocol.Page(all, in.Next, size)
	if !ok {
		return nil, invalid("The specified nextToken is invalid.")
	}
	return struct {
		Streams []streamOutput `json:"logStreams"`
		Next    string         `json:"nextToken,omitempty"`
	}{append([]streamOutput{}, out...), next}, nil
}
