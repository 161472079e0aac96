package secretsmanager_test

import (
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// members are those of an input or an answer.
type members = map[string]any

// step is one call and what comes of it: an error's code, or members of the answer.
type step struct {
	operation string
	in        members
	code      string
	want      members
}

// TestCalls is the marked case table of what calls one after another do to a secret.
func TestCalls(t *testing.T) {
	const (
		put     = "AWS Secrets Manager API Reference, PutSecretValue, 2026-11"
		move    = "AWS Secrets Manager API Reference, UpdateSecretVersionStage, 2026-11"
		deleted = "AWS Secrets Manager API Reference, DeleteSecret, 2026-11"
		one     = "11111111-1111-4111-8111-111111111111"
		two     = "22222222-2222-4222-8222-222222222222"
	)
	made := step{operation: "CreateSecret", in: members{"Name": "a", "SecretString": "one", "ClientRequestToken": one}, want: members{"VersionId": one}}
	read := func(value string) step {
		return step{operation: "GetSecretValue", in: members{"SecretId": "a"}, want: members{"SecretString": value}}
	}
	labelled := func(stage, value string) step {
		return step{operation: "GetSecretValue", in: members{"SecretId": "a", "VersionStage": stage}, want: members{"SecretString": value}}
	}
	second := step{operation: "PutSecretValue", in: members{"SecretId": "a", "SecretString": "two", "ClientRequestToken": two}, want: members{"VersionId": two}}
	pending := step{operation: "PutSecretValue", in: members{"SecretId": "a", "SecretString": "two", "ClientRequestToken": two, "VersionStages": []string{"AWSPENDING"}}}
	cases := []struct {
		name, source, limit string
		steps               []step
	}{
		{name: "the current and the previous", source: put, steps: []step{made, second, read("two"), labelled("AWSPREVIOUS", "one"),
			{operation: "GetSecretValue", in: members{"SecretId": "a", "VersionStage": "OTHER"}, code: "ResourceNotFoundException"}}},
		{name: "a repeated call", source: put, steps: []step{made, second, second, labelled("AWSPREVIOUS", "one")}},
		{name: "a repeated call with another value", source: put, steps: []step{made,
			{operation: "PutSecretValue", in: members{"SecretId": "a", "SecretString": "two", "ClientRequestToken": one}, code: "ResourceExistsException"}, read("one")}},
		{name: "bytes", source: put, steps: []step{made, {operation: "PutSecretValue", in: members{"SecretId": "a", "SecretBinary": "AAE="}},
			{operation: "GetSecretValue", in: members{"SecretId": "a"}, want: members{"SecretBinary": "AAE="}}}},
		{name: "no value", source: "AWS Secrets Manager API Reference, CreateSecret, 2026-11", steps: []step{{operation: "CreateSecret", in: members{"Name": "a"}},
			{operation: "GetSecretValue", in: members{"SecretId": "a"}, code: "ResourceNotFoundException"},
			{operation: "PutSecretValue", in: members{"SecretId": "a"}, code: "InvalidRequestException"}}},
		{name: "a rotation", source: "AWS Secrets Manager User Guide, Lambda rotation functions, 2026-11", steps: []step{made, pending, read("one"), labelled("AWSPENDING", "two"),
			{operation: "UpdateSecretVersionStage", in: members{"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": two, "RemoveFromVersionId": one}},
			read("two"), labelled("AWSPREVIOUS", "one"), labelled("AWSPENDING", "two")}},
		{name: "a label is taken only from whom the call names", source: move, steps: []step{made, pending,
			{operation: "UpdateSecretVersionStage", in: members{"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": two}, code: "InvalidParameterException"},
			{operation: "UpdateSecretVersionStage", in: members{"SecretId": "a", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": one}, code: "InvalidParameterException"}, read("one")}},
		{name: "a description alone", source: "AWS Secrets Manager API Reference, UpdateSecret, 2026-11", steps: []step{made,
			{operation: "UpdateSecret", in: members{"SecretId": "a", "Description": "it"}}, read("one"),
			{operation: "DescribeSecret", in: members{"SecretId": "a"}, want: members{"Description": "it"}}}},
		{name: "marked for deletion", source: deleted, steps: []step{made, {operation: "DeleteSecret", in: members{"SecretId": "a"}},
			{operation: "GetSecretValue", in: members{"SecretId": "a"}, code: "InvalidRequestException"},
			{operation: "CreateSecret", in: members{"Name": "a"}, code: "InvalidRequestException"},
			{operation: "ListSecrets", in: members{}, want: members{"SecretList": []any{}}},
			{operation: "RestoreSecret", in: members{"SecretId": "a"}}, read("one")}},
		{name: "deleted at once", source: deleted, steps: []step{made, {operation: "DeleteSecret", in: members{"SecretId": "a", "ForceDeleteWithoutRecovery": true}},
			{operation: "DescribeSecret", in: members{"SecretId": "a"}, code: "ResourceNotFoundException"}, made}},
		{name: "a window that is none", source: deleted, steps: []step{made,
			{operation: "DeleteSecret", in: members{"SecretId": "a", "RecoveryWindowInDays": 1}, code: "InvalidParameterException"}}},
		{name: "a short password", source: "AWS Secrets Manager API Reference, GetRandomPassword, 2026-11", steps: []step{
			{operation: "GetRandomPassword", in: members{"PasswordLength": 3}, code: "InvalidParameterException"},
			{operation: "GetRandomPassword", in: members{"PasswordLength": 5000}, code: "InvalidParameterException"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			for i, s := range c.steps {
				_, out, code := w.call(s.operation, s.in)
				if code != s.code {
					t.Fatalf("step %d, %s: %q, want %q (%s)", i, s.operation, code, s.code, c.source)
				}
				for key, want := range s.want {
					if got := out[key]; !equal(got, want) {
						t.Errorf("step %d, %s: %s is %v, want %v", i, s.operation, key, got, want)
					}
				}
			}
		})
	}
}

func equal(a, b any) bool {
	x, isList := a.([]any)
	y, _ := b.([]any)
	return isList && len(x) == len(y) || !isList && a == b
}

// TestGone: a deleted secret's name is free when its recovery window is over.
func TestGone(t *testing.T) {
	w := newFastWorld(t, nil, 1e7) // 30 days are a quarter of a second
	w.call("CreateSecret", members{"Name": "a", "SecretString": "one"})
	w.call("DeleteSecret", members{"SecretId": "a"})
	if _, _, code := w.call("CreateSecret", members{"Name": "a"}); code != "InvalidRequestException" {
		t.Errorf("within the window: %q", code)
	}
	if err := w.front.Clock.Sleep(t.Context(), 31*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, _, code := w.call("CreateSecret", members{"Name": "a"}); code != "" {
		t.Errorf("after the window: %q", code)
	}
}

// TestPasswords: each kind of character is there, and none that is excluded.
func TestPasswords(t *testing.T) {
	w := newWorld(t, nil)
	for range 50 {
		_, out, _ := w.call("GetRandomPassword", map[string]any{"PasswordLength": 4, "ExcludePunctuation": true, "IncludeSpace": true, "ExcludeCharacters": "a1Z"})
		text, _ := out["RandomPassword"].(string)
		for _, kind := range []string{"[b-z]", "[A-Y]", "[02-9]", " "} {
			if !regexp.MustCompile(kind).MatchString(text) || len(text) != 4 {
				t.Fatalf("%q has no %s", text, kind)
			}
		}
	}
}

// TestManyWriters: versions that are written at the same time are all there, each with an identifier of its own.
func TestManyWriters(t *testing.T) {
	w := newWorld(t, nil)
	w.create(map[string]any{"Name": "a", "SecretString": "first"})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { w.call("PutSecretValue", map[string]any{"SecretId": "a", "SecretString": strconv.Itoa(i)}) })
	}
	all.Wait()
	_, out, _ := w.call("ListSecretVersionIds", map[string]any{"SecretId": "a", "IncludeDeprecated": true})
	versions := out["Versions"].([]any)
	if len(versions) != 21 {
		t.Errorf("%d versions, want 21", len(versions))
	}
	for _, v := range versions {
		if id := v.(map[string]any)["VersionId"].(string); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Error(id)
		}
	}
}

// TestRepeated: a stack operation that is tried again gets the secret that it made.
func TestRepeated(t *testing.T) {
	w := newWorld(t, nil)
	provider := w.room.Resources()["AWS::SecretsManager::Secret"]
	r := resource.Request{LogicalID: "Login", Token: "1", Properties: map[string]any{"Name": "a", "Tags": []any{map[string]any{"Key": "k", "Value": "v"}}},
		Stack: resource.Stack{Name: "Shop", Region: region, Account: doortest.Account, Partition: doortest.Partition}}
	first, err := provider.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := provider.Create(t.Context(), r)
	if err != nil || again.PhysicalID != first.PhysicalID {
		t.Errorf("made %s, then %s, %v", first.PhysicalID, again.PhysicalID, err)
	}
	r.Token = "2"
	if _, err := provider.Create(t.Context(), r); err == nil {
		t.Error("another operation made a secret of the same name")
	}
	if _, out, _ := w.call("DescribeSecret", map[string]any{"SecretId": "a"}); len(out["Tags"].([]any)) != 1 {
		t.Error(out)
	}
}
