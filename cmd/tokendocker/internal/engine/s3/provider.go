package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// bucketProvider is AWS::S3::Bucket.
// Source: AWS CloudFormation User Guide, AWS::S3::Bucket.
type bucketProvider struct{ room *Room }

// Immutable names the properties whose change makes another bucket.
func (bucketProvider) Immutable() []string { return []string{"BucketName"} }

// Create makes the bucket, and says who hears of what happens in it.
func (p bucketProvider) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	name, _ := r.Properties["BucketName"].(string)
	if name == "" {
		name = physical.Lower(r, physical.MaxBucket)
	}
	if err := p.room.make(bucket{Name: name, Owner: r.Stack.Account, Region: r.Stack.Region, Token: r.Token, Tags: resource.TagsOf(r.Properties)}); err != nil {
		return resource.Result{}, err // a bucket of that name is somebody else's
	}
	if property, ok := r.Properties["NotificationConfiguration"]; ok {
		return p.result(r, name), p.room.configure(ctx, name, property)
	}
	return p.result(r, name), nil
}

// Update changes the tags and notifications: what a bucket's other properties switch on is no part of this room.
func (p bucketProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	property, now := r.Properties["NotificationConfiguration"]
	if _, before := r.Old["NotificationConfiguration"]; now || before { // those of a custom resource stay
		if err := p.room.configure(ctx, r.PhysicalID, property); err != nil {
			return resource.Result{}, err
		}
	}
	return p.result(r, r.PhysicalID), p.room.setTags(r.PhysicalID, resource.TagsOf(r.Properties))
}

// Delete removes the bucket, which must be empty.
func (p bucketProvider) Delete(_ context.Context, r resource.Request) error {
	return gone(p.room.unmake(r.PhysicalID))
}

func (p bucketProvider) result(r resource.Request, name string) resource.Result {
	return resource.Result{PhysicalID: name, Attributes: map[string]any{
		"Arn":                 p.room.arn(name),
		"DomainName":          name + ".s3." + r.Stack.URLSuffix,
		"RegionalDomainName":  fmt.Sprintf("%s.s3.%s.%s", name, r.Stack.Region, r.Stack.URLSuffix),
		"DualStackDomainName": fmt.Sprintf("%s.s3.dualstack.%s.%s", name, r.Stack.Region, r.Stack.URLSuffix),
		"WebsiteURL":          fmt.Sprintf("http://%s.s3-website-%s.%s", name, r.Stack.Region, r.Stack.URLSuffix),
	}}
}

// policyProvider is AWS::S3::BucketPolicy.
// Source: AWS CloudFormation User Guide, AWS::S3::BucketPolicy.
type policyProvider struct{ room *Room }

// Immutable names the properties whose change makes another policy.
func (policyProvider) Immutable() []string { return []string{"Bucket"} }

// Create gives the bucket its policy.
func (p policyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	name, _ := r.Properties["Bucket"].(string)
	text, err := document(r.Properties["PolicyDocument"])
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.room.setPolicy(name, text); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: name}, nil
}

// Update replaces the policy.
func (p policyProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return p.Create(ctx, r)
}

// Delete takes the policy away.
func (p policyProvider) Delete(_ context.Context, r resource.Request) error {
	return gone(p.room.setPolicy(r.PhysicalID, ""))
}

func document(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "", fmt.Errorf("bucket policy: %w", err)
	}
	return b.String(), nil
}

// decode reads a property into what a call of the API takes.
func decode(property, into any) error {
	text, err := json.Marshal(property)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// gone lets a repeated deletion succeed.
func gone(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && e.Code == "NoSuchBucket" {
		return nil
	}
	return err
}
