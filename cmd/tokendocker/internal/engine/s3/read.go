package s3

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a bucket.
func (bucketProvider) Identifier() string { return "BucketName" }

// Read returns the bucket as it is.
func (p bucketProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	b, found, err := p.room.buckets.Get(r.PhysicalID)
	if err != nil || !found || b.Owner != r.Stack.Account || b.Region != r.Stack.Region {
		return resource.Live{}, false, err
	}
	return resource.Live{Result: p.result(r, b.Name), Properties: map[string]any{"BucketName": b.Name, "Tags": resource.Tags(b.Tags)}}, true, nil
}
