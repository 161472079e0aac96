package states

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

func (r *Room) getHistory(ctx context.Context, call *protocol.Call, in input) (any, error) {
	e, err := r.execution(in.ExecutionArn)
	if err == nil {
		err = r.mayRead(ctx, call, e)
	}
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	l := r.live[e.ARN]
	r.mu.Unlock()
	var events []asl.Event
	if l != nil {
		events = l.run.History()
	} else if events, _, err = r.histories.Get(e.ARN); err != nil {
		return nil, err
	}
	if in.ReverseOrder {
		slices.Reverse(events)
	}
	part, next, err := page(in, events)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, v := range part {
		item := map[string]any{"id": v.ID, "previousEventId": v.Previous, "timestamp": protocol.Timestamp(v.Time), "type": v.Type}
		if v.Details != nil && (in.IncludeExecutionData == nil || *in.IncludeExecutionData) {
			item[detailsName(v.Type)] = v.Details
		}
		list = append(list, item)
	}
	return paged("events", list, next), nil
}

// detailsName is the member that holds an event's details (API Reference, "HistoryEvent").
func detailsName(kind string) string {
	for _, common := range []string{"StateEntered", "StateExited"} {
		if strings.HasSuffix(kind, common) {
			kind = common
		}
	}
	first, size := utf8.DecodeRuneInString(kind)
	return fmt.Sprintf("%c%sEventDetails", unicode.ToLower(first), kind[size:])
}
