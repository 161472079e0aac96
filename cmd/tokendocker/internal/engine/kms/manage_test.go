package kms_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
)

// TestManage is the marked case table of what calls do to a key and its aliases.
func TestManage(t *testing.T) {
	type step = func(c *client.Client, id *string) error
	alias := aws.String("alias/a")
	encrypt := func(c *client.Client, id *string) error {
		_, err := c.Encrypt(ctx, &client.EncryptInput{KeyId: id, Plaintext: []byte("x")})
		return err
	}
	disable := func(c *client.Client, id *string) error {
		_, err := c.DisableKey(ctx, &client.DisableKeyInput{KeyId: id})
		return err
	}
	enable := func(c *client.Client, id *string) error {
		_, err := c.EnableKey(ctx, &client.EnableKeyInput{KeyId: id})
		return err
	}
	schedule := func(days int32) step {
		return func(c *client.Client, id *string) error {
			_, err := c.ScheduleKeyDeletion(ctx, &client.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(days)})
			return err
		}
	}
	cancel := func(c *client.Client, id *string) error {
		_, err := c.CancelKeyDeletion(ctx, &client.CancelKeyDeletionInput{KeyId: id})
		return err
	}
	name := func(c *client.Client, id *string) error {
		_, err := c.CreateAlias(ctx, &client.CreateAliasInput{AliasName: alias, TargetKeyId: id})
		return err
	}
	unname := func(c *client.Client, _ *string) error {
		_, err := c.DeleteAlias(ctx, &client.DeleteAliasInput{AliasName: alias})
		return err
	}
	byName := func(c *client.Client, _ *string) error { return encrypt(c, alias) }
	revoked := func(c *client.Client, id *string) error {
		made, err := c.CreateGrant(ctx, &client.CreateGrantInput{KeyId: id, GranteePrincipal: aws.String("arn:aws:iam::111122223333:root"), Operations: []types.GrantOperation{types.GrantOperationEncrypt}})
		if err != nil {
			return err
		}
		if _, err := c.RevokeGrant(ctx, &client.RevokeGrantInput{KeyId: id, GrantId: made.GrantId}); err != nil {
			return err
		}
		_, err = c.RevokeGrant(ctx, &client.RevokeGrantInput{KeyId: id, GrantId: made.GrantId})
		return err
	}
	managed := func(c *client.Client, _ *string) error {
		_, err := c.EnableKeyRotation(ctx, &client.EnableKeyRotationInput{KeyId: aws.String("alias/aws/s3")})
		return err
	}
	cases := []struct {
		name, source, limit string
		steps               []step
		want                string // code of the last step
	}{
		{name: "a new key encrypts", source: "AWS KMS API Reference, CreateKey, 2026-11", steps: []step{encrypt}},
		{name: "disabled", source: "AWS KMS API Reference, DisableKey, 2026-11", steps: []step{disable, encrypt}, want: "DisabledException"},
		{name: "enabled again", source: "AWS KMS API Reference, EnableKey, 2026-11", steps: []step{disable, enable, encrypt}},
		{name: "to be deleted", source: "AWS KMS API Reference, ScheduleKeyDeletion, 2026-11", steps: []step{schedule(7), encrypt}, want: "KMSInvalidStateException"},
		{name: "to be deleted, enabled", source: "AWS KMS Developer Guide, Key states of AWS KMS keys, 2026-11", steps: []step{schedule(7), enable}, want: "KMSInvalidStateException"},
		{name: "a window that is none", source: "AWS KMS API Reference, ScheduleKeyDeletion, 2026-11", steps: []step{schedule(31)}, want: "ValidationException"},
		{name: "deletion cancelled", source: "AWS KMS API Reference, CancelKeyDeletion, 2026-11: the key is disabled", steps: []step{schedule(7), cancel, encrypt}, want: "DisabledException"},
		{name: "nothing to cancel", source: "AWS KMS API Reference, CancelKeyDeletion, 2026-11", steps: []step{cancel}, want: "KMSInvalidStateException"},
		{name: "by its alias", source: "AWS KMS API Reference, CreateAlias, 2026-11", steps: []step{name, byName}},
		{name: "an alias twice", source: "AWS KMS API Reference, CreateAlias, 2026-11", steps: []step{name, name}, want: "AlreadyExistsException"},
		{name: "an alias that is gone", source: "AWS KMS API Reference, DeleteAlias, 2026-11", steps: []step{name, unname, unname}, want: "NotFoundException"},
		{name: "a grant that is gone", source: "AWS KMS API Reference, RevokeGrant, 2026-11", steps: []step{revoked}, want: "NotFoundException"},
		{name: "a key that AWS manages", source: "AWS KMS Developer Guide, AWS managed keys, 2026-11", steps: []step{managed}, want: "AccessDeniedException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			user := f.as(f.front.Role("User", document(all)))
			made, err := user.CreateKey(ctx, &client.CreateKeyInput{})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range c.steps {
				want := ""
				if i == len(c.steps)-1 {
					want = c.want
				}
				if err := s(user, made.KeyMetadata.KeyId); code(err) != want {
					t.Fatalf("step %d: %v, want %q (%s)", i, err, want, c.source)
				}
			}
		})
	}
}

// TestReEncrypt: who moves a cipher text to another key and context never sees what is in it, and needs a right to both.
func TestReEncrypt(t *testing.T) {
	f := newFixture(t)
	owner := f.as(f.front.Role("Owner", document(all)))
	var ids [2]*string
	for i := range ids {
		made, err := owner.CreateKey(ctx, &client.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = made.KeyMetadata.Arn
	}
	sealed, err := owner.Encrypt(ctx, &client.EncryptInput{KeyId: ids[0], Plaintext: []byte("hush")})
	if err != nil {
		t.Fatal(err)
	}
	in := &client.ReEncryptInput{CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: ids[1], DestinationEncryptionContext: map[string]string{"a": "b"}}
	half := f.as(f.front.Role("Half", document(`{"Effect":"Allow","Action":"kms:ReEncryptFrom","Resource":"*"}`)))
	if _, err := half.ReEncrypt(ctx, in); code(err) != "AccessDeniedException" {
		t.Errorf("without a right to the second key: %v", err)
	}
	moved, err := owner.ReEncrypt(ctx, in)
	if err != nil || *moved.SourceKeyId != *ids[0] || *moved.KeyId != *ids[1] {
		t.Fatal(moved, err)
	}
	plain, err := owner.Decrypt(ctx, &client.DecryptInput{CiphertextBlob: moved.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
	if err != nil || string(plain.Plaintext) != "hush" {
		t.Error(plain, err)
	}
}

// TestDeleted: a key is gone when its pending window is over.
func TestDeleted(t *testing.T) {
	front := doortest.New(t, 1e7) // a day is nine milliseconds
	room, err := kms.New(kms.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: doortest.Store(t), Caller: front.Door})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	f := &fixture{t, front, room}
	id := f.key(map[string]any{"PendingWindowInDays": 7}).PhysicalID
	r := request(nil)
	r.PhysicalID = id
	if err := room.Resources()["AWS::KMS::Key"].Delete(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := front.Clock.Sleep(ctx, 8*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := f.as(front.Operator).DescribeKey(ctx, &client.DescribeKeyInput{KeyId: &id}); code(err) != "NotFoundException" {
		t.Errorf("after its window: %v", err)
	}
}
