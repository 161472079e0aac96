package door

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Call makes a call inside the engine. It is decided, throttled and recorded as one over HTTP is; only the signature
// is left out.
func (d *Door) Call(ctx context.Context, as *session.Session, region, service, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write input of %s:%s: %w", service, operation, err)
	}
	call := &protocol.Call{
		Service: service, Operation: operation, Partition: d.Partition, Region: region, Session: as, Body: body,
	}
	if err := translate(ctx, call); err != nil {
		return err
	}
	result, err := d.do(ctx, call)
	if err == nil {
		result, err = spoken(call, result)
	}
	if err != nil || out == nil || result == nil {
		return err
	}
	if body, err = json.Marshal(result); err == nil {
		err = json.Unmarshal(body, out)
	}
	if err != nil {
		return fmt.Errorf("read answer of %s:%s: %w", service, operation, err)
	}
	return nil
}

// Allow decides one permission without a call.
func (d *Door) Allow(ctx context.Context, as *session.Session, region string, need protocol.Need) error {
	return d.Authorizer.Authorize(ctx, as, region, need)
}
