package s3

import (
	"context"
	"io"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Fetch returns an object's content to a session, or fails as GetObject does for it.
func (r *Room) Fetch(ctx context.Context, as *session.Session, region, bucket, key string) (io.ReadCloser, error) {
	b, err := r.bucket(bucket)
	if err != nil {
		return nil, err
	}
	need := protocol.Need{Action: "s3:GetObject", Resources: []string{r.arn(bucket + "/" + key)}, ResourcePolicy: b.Policy, Owner: b.Owner}
	if err := r.Caller.Allow(ctx, as, region, need); err != nil {
		return nil, err
	}
	return r.Open(ctx, bucket, key, "")
}
