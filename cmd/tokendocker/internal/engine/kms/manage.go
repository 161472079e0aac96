package kms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// What people and handlers do to keys and aliases by calls; templates do it by resources.
// Source: AWS KMS API Reference, the operations' pages.

func (r *Room) createKey(_ context.Context, call *protocol.Call, in struct {
	Description, KeySpec, KeyUsage, Policy string
	Tags                                   []tag
}) (any, error) {
	k := key{ID: protocol.StableID(rand.Text()), Region: call.Region, Description: in.Description, State: enabled,
		Spec: cmp.Or(in.KeySpec, symmetric), Usage: cmp.Or(in.KeyUsage, encryptDecrypt), Days: defaultPendingWindow, Created: r.Clock.Now(), Tags: map[string]string{}}
	for _, t := range in.Tags {
		k.Tags[t.Key] = t.Value
	}
	var err error
	if k.Policy, err = r.keyPolicy(json.RawMessage(in.Policy)); err != nil {
		return nil, err
	}
	k.make(r)
	return map[string]any{"KeyMetadata": r.metadata(k)}, r.keys.Put(k.ARN, k)
}

// make gives a key that has an identifier its ARN and its material.
func (k *key) make(r *Room) {
	k.ARN, k.Material = r.arn(k.Region, "key/"+k.ID), make([]byte, 32)
	rand.Read(k.Material) //nolint:errcheck // crypto/rand.Read never fails
}

// change changes one of the account's keys, not one that AWS manages, in one step.
func (r *Room) change(region, id string, do func(*key) error) error {
	found, err := r.find(region, id)
	if err != nil {
		return err
	}
	return r.keys.Update(found.ARN, func(k key, own bool) (key, error) {
		if !own {
			return k, protocol.Errorf("AccessDeniedException", "%s is a key that AWS manages; only its service changes it.", id)
		}
		err := do(&k)
		return k, err
	})
}

// setting makes an operation that changes a key which is not to be deleted.
func setting[In keyed](set func(*key, In)) protocol.Operation[*Room] {
	return protocol.JSON(func(r *Room, _ context.Context, call *protocol.Call, in In) (any, error) {
		return nil, r.change(call.Region, in.key(), func(k *key) error {
			if k.State == pendingDeletion {
				return k.usable()
			}
			set(k, in)
			return nil
		})
	})
}

// keyed is an input that names a key.
type keyed interface{ key() string }

func (in input) key() string { return in.KeyID }

type descriptionInput struct {
	input
	Description string
}

type tagInput struct {
	input
	Tags    []tag
	TagKeys []string
}

func (k *key) describe(in descriptionInput) { k.Description = in.Description }
func (k *key) enable(input)                 { k.State = enabled }
func (k *key) disable(input)                { k.State = disabled }
func (k *key) rotate(input)                 { k.Rotation = true }
func (k *key) stopRotating(input)           { k.Rotation = false }
func (k *key) untag(in tagInput) {
	maps.DeleteFunc(k.Tags, func(t, _ string) bool { return slices.Contains(in.TagKeys, t) })
}
func (k *key) tag(in tagInput) {
	if k.Tags == nil {
		k.Tags = map[string]string{}
	}
	for _, t := range in.Tags {
		k.Tags[t.Key] = t.Value
	}
}

func (r *Room) putKeyPolicy(_ context.Context, call *protocol.Call, in struct {
	input
	Policy string
}) (any, error) {
	text, err := r.keyPolicy(json.RawMessage(in.Policy))
	if err != nil {
		return nil, err
	}
	return nil, r.change(call.Region, in.KeyID, func(k *key) error { k.Policy = text; return nil })
}

func (r *Room) scheduleDeletion(_ context.Context, call *protocol.Call, in struct {
	input
	Days int `json:"PendingWindowInDays"`
}) (any, error) {
	days := cmp.Or(in.Days, defaultPendingWindow)
	if days < minPendingWindow || days > maxPendingWindow {
		return nil, protocol.Errorf("ValidationException", "PendingWindowInDays must be between %d and %d", minPendingWindow, maxPendingWindow)
	}
	var scheduled key
	err := r.change(call.Region, in.KeyID, func(k *key) error {
		if k.State == pendingDeletion {
			return k.usable()
		}
		k.Days = days
		k.delete(r.Clock.Now())
		scheduled = *k
		return nil
	})
	return map[string]any{"KeyId": scheduled.ARN, "DeletionDate": protocol.Timestamp(scheduled.Deletion), "KeyState": pendingDeletion, "PendingWindowInDays": days}, err
}

// delete schedules the key's deletion; it cannot be used any more.
func (k *key) delete(now time.Time) {
	k.State, k.Deletion = pendingDeletion, now.Add(time.Duration(k.Days)*24*time.Hour)
}

func (r *Room) cancelDeletion(_ context.Context, call *protocol.Call, in input) (any, error) {
	var arn string
	err := r.change(call.Region, in.KeyID, func(k *key) error {
		if arn = k.ARN; k.State != pendingDeletion {
			return protocol.Errorf("KMSInvalidStateException", "%s is not pending deletion.", k.ARN)
		}
		k.State, k.Deletion = disabled, time.Time{} // who wants to use it again enables it
		return nil
	})
	return map[string]any{"KeyId": arn}, err
}

type aliasInput struct {
	Name string `json:"AliasName"`
	Key  string `json:"TargetKeyId"`
}

// read checks an alias that is to be made.
func (r *Room) read(region string, in aliasInput) (alias, error) {
	if !aliasForm.MatchString(in.Name) || slices.Contains(strings.Split(in.Name, "/")[1:2], "aws") {
		return alias{}, protocol.Errorf("InvalidAliasNameException", "%s is no alias that may be made: it begins with alias/ and not with alias/aws/", in.Name)
	}
	if _, ok := aliasName(in.Key); ok {
		return alias{}, protocol.Errorf("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	k, err := r.find(region, in.Key)
	return alias{ARN: r.arn(region, in.Name), Name: in.Name, Region: region, Key: k.ARN}, err
}

// makeAlias makes an alias; one that the same stack operation made already is no error.
func (r *Room) makeAlias(a alias) error {
	return r.aliases.Update(a.ARN, func(old alias, found bool) (alias, error) {
		if found && (a.Token == "" || old.Token != a.Token) {
			return old, protocol.Errorf("AlreadyExistsException", "An alias with the name %s already exists", a.ARN)
		}
		return a, nil
	})
}

func (r *Room) createAlias(_ context.Context, call *protocol.Call, in aliasInput) (any, error) {
	a, err := r.read(call.Region, in)
	if err != nil {
		return nil, err
	}
	return nil, r.makeAlias(a)
}

func (r *Room) updateAlias(_ context.Context, call *protocol.Call, in aliasInput) (any, error) {
	a, err := r.read(call.Region, in)
	if err != nil {
		return nil, err
	}
	return nil, r.aliases.Update(a.ARN, func(old alias, found bool) (alias, error) {
		if !found {
			return a, noSuchAlias(a.ARN)
		}
		old.Key = a.Key
		return old, nil
	})
}

func (r *Room) deleteAlias(_ context.Context, call *protocol.Call, in aliasInput) (any, error) {
	arn := r.arn(call.Region, in.Name)
	if _, found, err := r.aliases.Get(arn); err != nil || !found {
		return nil, cmp.Or(err, noSuchAlias(arn))
	}
	return nil, r.aliases.Delete(arn)
}

func noSuchAlias(arn string) error {
	return protocol.Errorf("NotFoundException", "Alias %s is not found.", arn)
}
