package logs

import (
	"context"
	"errors"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Deliver adds events, each with its time, to a stream on behalf of a service that a log delivery lets write there. The
// stream is made where there is none; without the group it fails with ResourceNotFoundException.
// Source: CloudWatch Logs User Guide, "Enable logging from AWS services".
func (r *Room) Deliver(ctx context.Context, region, group, name string, times []time.Time, messages []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	to := target{LogGroupName: group, LogStreamName: name}
	_, err := r.createStream(ctx, &protocol.Call{Region: region}, to)
	if e, known := errors.AsType[*protocol.Error](err); err != nil && (!known || e.Code != "ResourceAlreadyExistsException") {
		return err
	}
	s, err := r.stream(region, to)
	if err != nil {
		return err
	}
	now := r.Clock.Now()
	batch := make([]event, len(messages))
	for i, message := range messages {
		batch[i] = event{Time: times[i].UnixMilli(), Ingested: now.UnixMilli(), Message: message, visible: now.Add(r.Switches.LogDelay)}
	}
	return s.append(batch)
}
