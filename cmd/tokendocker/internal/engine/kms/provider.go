package kms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const (
	maxPolicy = 32 * 1024 // AWS KMS Developer Guide, "Quotas": key policy document size

	// Days before a deleted key is gone. AWS KMS API Reference, ScheduleKeyDeletion.
	minPendingWindow     = 7
	maxPendingWindow     = 30
	defaultPendingWindow = 30
)

// keyProvider is AWS::KMS::Key.
// Source: AWS CloudFormation Template Reference, AWS::KMS::Key.
type keyProvider struct{ room *Room }

// Immutable names the properties whose change makes another key.
func (keyProvider) Immutable() []string {
	return []string{"KeySpec", "KeyUsage", "MultiRegion", "Origin"}
}

// Create makes the key.
func (p keyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	k, err := p.read(r)
	if err != nil {
		return resource.Result{}, err
	}
	token := r.Token
	if token == "" {
		token = rand.Text()
	}
	k.ID = protocol.StableID(r.Stack.ID, r.LogicalID, token)
	k.Region, k.Created = r.Stack.Region, p.room.Clock.Now()
	k.make(p.room)
	err = p.room.keys.Update(k.ARN, func(old key, found bool) (key, error) {
		if found {
			return old, nil // a repeated try
		}
		return k, nil
	})
	return keyResult(k), err
}

// Update changes the key's settings.
func (p keyProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	k, err := p.read(r)
	if err != nil {
		return resource.Result{}, err
	}
	err = p.room.change(r.Stack.Region, r.PhysicalID, func(old *key) error {
		old.Description, old.Policy, old.State, old.Rotation, old.Days, old.Tags = k.Description, k.Policy, k.State, k.Rotation, k.Days, k.Tags
		k = *old
		return nil
	})
	return keyResult(k), err
}

// Delete schedules the key's deletion.
func (p keyProvider) Delete(_ context.Context, r resource.Request) error {
	arn := p.room.arn(r.Stack.Region, "key/"+r.PhysicalID)
	if _, found, err := p.room.keys.Get(arn); err != nil || !found {
		return err
	}
	return p.room.keys.Update(arn, func(k key, _ bool) (key, error) {
		k.delete(p.room.Clock.Now())
		return k, nil
	})
}

func keyResult(k key) resource.Result {
	return resource.Result{PhysicalID: k.ID, Attributes: map[string]any{"Arn": k.ARN, "KeyId": k.ID}}
}

func (p keyProvider) read(r resource.Request) (key, error) {
	k := key{State: enabled, Spec: symmetric, Usage: encryptDecrypt, Days: defaultPendingWindow, Tags: map[string]string{}}
	var in struct {
		Description, KeySpec, KeyUsage string
		KeyPolicy                      json.RawMessage
		Enabled, EnableKeyRotation     any
		PendingWindowInDays            json.Number
		Tags                           []struct{ Key, Value string }
	}
	raw, err := json.Marshal(r.Properties)
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		return k, protocol.Errorf("ValidationException", "Properties of %s are not as AWS::KMS::Key has them: %v", r.LogicalID, err)
	}
	k.Description = in.Description
	for _, t := range in.Tags {
		k.Tags[t.Key] = t.Value
	}
	if in.KeySpec != "" {
		k.Spec = in.KeySpec
	}
	if in.KeyUsage != "" {
		k.Usage = in.KeyUsage
	}
	if fmt.Sprint(in.Enabled) == "false" {
		k.State = disabled
	}
	k.Rotation = fmt.Sprint(in.EnableKeyRotation) == "true"
	if in.PendingWindowInDays != "" {
		days, err := in.PendingWindowInDays.Int64()
		if err != nil || days < minPendingWindow || days > maxPendingWindow {
			return k, protocol.Errorf("ValidationException", "PendingWindowInDays must be between %d and %d", minPendingWindow, maxPendingWindow)
		}
		k.Days = int(days)
	}
	k.Policy, err = p.room.keyPolicy(in.KeyPolicy)
	return k, err
}

// defaultPolicy is the key policy with which the account's own policies decide.
// Source: AWS KMS Developer Guide, "Default key policy".
func (r *Room) defaultPolicy() string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:%s:iam::%s:root"},"Action":"kms:*","Resource":"*"}]}`,
		r.Partition, r.Account)
}

// keyPolicy checks a key policy. Without one the account's own policies decide.
func (r *Room) keyPolicy(text json.RawMessage) (string, error) {
	if len(text) == 0 || string(text) == "null" {
		return r.defaultPolicy(), nil
	}
	var embedded string
	if json.Unmarshal(text, &embedded) == nil {
		text = json.RawMessage(embedded)
	}
	if len(text) > maxPolicy {
		return "", protocol.Errorf("LimitExceededException", "The key policy has %d bytes, it must not have more than %d", len(text), maxPolicy)
	}
	if _, err := policy.Parse(text, policy.Resource); err != nil {
		return "", protocol.Errorf("MalformedPolicyDocumentException", "%v", err)
	}
	return string(text), nil
}

// aliasProvider is AWS::KMS::Alias.
// Source: AWS CloudFormation Template Reference, AWS::KMS::Alias.
type aliasProvider struct{ room *Room }

var aliasForm = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)

// Immutable names the properties whose change makes another alias.
func (aliasProvider) Immutable() []string { return []string{"AliasName"} }

// Create makes the alias.
func (p aliasProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	a, err := p.read(r)
	if err != nil {
		return resource.Result{}, err
	}
	err = p.room.makeAlias(a)
	if err != nil {
		return resource.Result{}, err // an alias of that name is somebody else's
	}
	return resource.Result{PhysicalID: a.Name}, nil
}

// Update makes the alias one of another key.
func (p aliasProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	a, err := p.read(r)
	if err == nil {
		err = p.room.aliases.Put(a.ARN, a)
	}
	return resource.Result{PhysicalID: a.Name}, err
}

// Delete removes the alias.
func (p aliasProvider) Delete(_ context.Context, r resource.Request) error {
	return p.room.aliases.Delete(p.room.arn(r.Stack.Region, r.PhysicalID))
}

func (p aliasProvider) read(r resource.Request) (alias, error) {
	name, _ := r.Properties["AliasName"].(string)
	target, _ := r.Properties["TargetKeyId"].(string)
	a, err := p.room.read(r.Stack.Region, aliasInput{name, target})
	a.Token = r.Token
	return a, err
}
