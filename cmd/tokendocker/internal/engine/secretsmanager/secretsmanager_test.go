package secretsmanager_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/secretsmanager"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const region = "us-east-1"

// world is the room with the KMS that its secrets' keys are in.
type world struct {
	t     *testing.T
	front *doortest.Front
	keys  *kms.Room
	room  *secretsmanager.Room
	as    *session.Session
}

func newWorld(t *testing.T, given map[string]string) *world {
	t.Helper()
	return newFastWorld(t, given, 1)
}

// newFastWorld is newWorld with a clock that is faster by a factor.
func newFastWorld(t *testing.T, given map[string]string, factor float64) *world {
	t.Helper()
	w := &world{t: t, front: doortest.New(t, factor)}
	store := doortest.Store(t)
	var err error
	if w.keys, err = kms.New(kms.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: w.front.Clock, Store: store, Caller: w.front.Door}); err != nil {
		t.Fatal(err)
	}
	w.as = w.front.Operator
	w.room, err = secretsmanager.New(secretsmanager.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: w.front.Clock,
		Store: store, Keys: w.keys, Deployer: w.front.Operator, Given: given})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// call makes a call and returns the resource that it needs, its answer, and the error's code.
func (w *world) call(operation string, in any) (need string, out map[string]any, code string) {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &protocol.Call{Service: "secretsmanager", Operation: operation, Partition: doortest.Partition, Region: region, Account: doortest.Account, Session: w.as, Body: body}
	needs, err := w.room.Needs(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.room.Serve(w.t.Context(), c)
	var e *protocol.Error
	if errors.As(err, &e) {
		return strings.Join(needs[0].Resources, " "), nil, e.Code
	}
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := json.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(needs[0].Resources, " "), out, ""
}

func (w *world) create(properties map[string]any) (arn string) {
	w.t.Helper()
	r, err := w.room.Resources()["AWS::SecretsManager::Secret"].Create(w.t.Context(), resource.Request{
		LogicalID: "Login", Properties: properties, Stack: resource.Stack{Name: "Shop", Region: region, Account: doortest.Account, Partition: doortest.Partition},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r.PhysicalID
}

// TestNames: a secret is found by its name, its ARN and its ARN without the last characters, and policies are always
// compared with the full one.
// Source: AWS Secrets Manager User Guide, "Permissions policy examples" (read 2026-11-21).
func TestNames(t *testing.T) {
	w := newWorld(t, nil)
	arn := w.create(map[string]any{"Name": "team/hub", "SecretString": "s3cret"})
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:[0-9]{12}:secret:team/hub-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Fatal(arn)
	}
	for _, id := range []string{"team/hub", arn, arn[:len(arn)-7]} {
		need, out, code := w.call("GetSecretValue", map[string]string{"SecretId": id})
		if need != arn || code != "" || out["SecretString"] != "s3cret" || out["ARN"] != arn {
			t.Errorf("%s: needs %s, %v %s", id, need, out, code)
		}
	}
	for _, id := range []string{"hub", arn[:len(arn)-6], arn + "x"} {
		if _, _, code := w.call("GetSecretValue", map[string]string{"SecretId": id}); code != "ResourceNotFoundException" {
			t.Errorf("%s: %s", id, code)
		}
	}
}

// TestGenerated: a template's password is made once and stays as long as the way to make it does.
func TestGenerated(t *testing.T) {
	w := newWorld(t, nil)
	how := map[string]any{"GenerateSecretString": map[string]any{"SecretStringTemplate": `{"username":"robot"}`, "GenerateStringKey": "password",
		"PasswordLength": 20, "ExcludePunctuation": true, "ExcludeCharacters": "abc"}}
	arn := w.create(how)
	read := func() string {
		_, out, _ := w.call("GetSecretValue", map[string]string{"SecretId": arn})
		return out["SecretString"].(string)
	}
	first := read()
	var fields map[string]string
	if err := json.Unmarshal([]byte(first), &fields); err != nil || fields["username"] != "robot" || !regexp.MustCompile(`^[0-9A-Zd-z]{20}$`).MatchString(fields["password"]) {
		t.Errorf("%v, %d fields", err, len(fields))
	}
	provider := w.room.Resources()["AWS::SecretsManager::Secret"]
	stack := resource.Stack{Name: "Shop", Region: region, Account: doortest.Account, Partition: doortest.Partition}
	if _, err := provider.Update(t.Context(), resource.Request{PhysicalID: arn, Properties: how, Old: how, Stack: stack}); err != nil || read() != first {
		t.Errorf("an update made another password: %v", err)
	}
	if err := provider.Delete(t.Context(), resource.Request{PhysicalID: arn, Stack: stack}); err != nil {
		t.Error(err)
	}
}

// TestKeys is the marked case table of secrets with a key of their own: Secrets Manager uses it for the caller, who needs
// the right to it.
func TestKeys(t *testing.T) {
	const page = "AWS Secrets Manager User Guide, Secret encryption and decryption, 2026-11"
	const root = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"`
	const read = `{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}`
	const decrypt = `,{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"`
	via := func(service string) string {
		return `,"Condition":{"StringEquals":{"kms:ViaService":"` + service + `.us-east-1.amazonaws.com"}}}`
	}
	named := func(context string) string {
		return root + `},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Reader"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringLike":{` + context + `}}}`
	}
	cases := []struct {
		name, source, limit string
		key                 string // statements of its policy
		disabled            bool
		reader              string // further statements of the reader's policy
		want                string
	}{
		{name: "the reader may decrypt", source: page, key: root + "}", reader: decrypt + "}"},
		{name: "the reader may not decrypt", source: page, key: root + "}", want: "AccessDeniedException"},
		{name: "the reader may decrypt through Secrets Manager", source: page, key: root + "}", reader: decrypt + via("secretsmanager")},
		{name: "the reader may decrypt through another service", source: page, key: root + "}", reader: decrypt + via("ssm"), want: "AccessDeniedException"},
		{name: "the key's policy names the reader for the secret", source: page, key: named(`"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:secret:a-??????"`)},
		{name: "the key's policy names the reader for another secret", source: page, key: named(`"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:secret:b-??????"`), want: "AccessDeniedException"},
		{name: "the key's policy names the reader for a version", source: page, key: named(`"kms:EncryptionContext:SecretVersionId":"????????-*"`)},
		{name: "disabled key", source: "AWS Secrets Manager API Reference, GetSecretValue, 2026-11", key: root + "}", disabled: true, reader: decrypt + "}", want: "DecryptionFailure"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			key := resource.Request{LogicalID: "Key", Stack: resource.Stack{Region: region}, Properties: map[string]any{
				"KeyPolicy": `{"Version":"2012-10-17","Statement":[` + c.key + `]}`}}
			made, err := w.keys.Resources()["AWS::KMS::Key"].Create(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			w.create(map[string]any{"Name": "a", "SecretString": "one", "KmsKeyId": made.Attributes["Arn"]})
			if c.disabled {
				key.PhysicalID, key.Properties["Enabled"] = made.PhysicalID, false
				if _, err := w.keys.Resources()["AWS::KMS::Key"].Update(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			w.as = w.front.Role("Reader", `{"Version":"2012-10-17","Statement":[`+read+c.reader+`]}`)
			if _, out, code := w.call("GetSecretValue", map[string]string{"SecretId": "a"}); code != c.want || code == "" && out["SecretString"] != "one" {
				t.Errorf("got %q, want %q (%s)", code, c.want, c.source)
			}
		})
	}
}

// TestWritingNeedsTheKey: who makes a secret or a version of it needs the right to encrypt, also CloudFormation.
// Source: AWS Secrets Manager API Reference, CreateSecret, "KmsKeyId" (read 2026-11-21).
func TestWritingNeedsTheKey(t *testing.T) {
	w := newWorld(t, nil)
	const key = "arn:aws:kms:us-east-1:111122223333:key/1"
	w.front.Denied = func(_ *session.Session, need protocol.Need) error {
		if need.Action == "kms:GenerateDataKey" {
			return protocol.Errorf("AccessDeniedException", "no")
		}
		return nil
	}
	if _, _, code := w.call("CreateSecret", map[string]string{"Name": "a", "SecretString": "one", "KmsKeyId": key}); code != "AccessDeniedException" {
		t.Errorf("CreateSecret: %q", code)
	}
	stack := resource.Stack{Name: "Shop", Region: region, Account: doortest.Account, Partition: doortest.Partition}
	_, err := w.room.Resources()["AWS::SecretsManager::Secret"].Create(t.Context(), resource.Request{Stack: stack,
		Properties: map[string]any{"Name": "a", "SecretString": "one", "KmsKeyId": key}})
	if err == nil || !strings.Contains(err.Error(), "Access to KMS is not allowed") {
		t.Errorf("CloudFormation: %v", err)
	}
	w.front.Denied = nil
	if _, _, code := w.call("CreateSecret", map[string]string{"Name": "a", "SecretString": "one", "KmsKeyId": "alias/none"}); code != "EncryptionFailure" {
		t.Errorf("a key that is not there: %q", code)
	}
}

// TestGiven: secrets that were handed to the rehearsal are found like all others, and are in no store.
func TestGiven(t *testing.T) {
	full := "arn:aws:secretsmanager:us-east-1:123456789012:secret:c-a1B2c3"
	w := newWorld(t, map[string]string{"a": "1", "arn:aws:secretsmanager:us-east-1:123456789012:secret:b": "2", full: "3"})
	for id, want := range map[string]string{"a": "1", "b": "2", "arn:aws:secretsmanager:us-east-1:123456789012:secret:b": "2", full: "3", full[:len(full)-7]: "3"} {
		need, out, _ := w.call("GetSecretValue", map[string]string{"SecretId": id})
		if out["SecretString"] != want || !regexp.MustCompile(`-[A-Za-z0-9]{6}$`).MatchString(need) {
			t.Errorf("%s: needs %s, %v", id, need, out)
		}
	}
}

// TestReferences: what {{resolve:secretsmanager:...}} gives.
// Source: AWS CloudFormation User Guide, "Get a secret or secret value from Secrets Manager" (read 2026-11-21).
func TestReferences(t *testing.T) {
	w := newWorld(t, nil)
	arn := w.create(map[string]any{"Name": "a", "SecretString": `{"k":"v","n":1,"big":12345678,"o":{"p":"<"},"z":null}`})
	for reference, want := range map[string]string{"a:SecretString:big": "12345678", "a:SecretString:o": `{"p":"<"}`, "a:SecretString:k": "v", arn + ":SecretString:k:AWSCURRENT": "v", "a:SecretString:n": "1"} {
		if got, err := w.room.Value(region, reference); got != want || err != nil {
			t.Errorf("%s: %q, %v", reference, got, err)
		}
	}
	for reference, want := range map[string]string{"b": "can't find", "a:SecretString:z": "JSONKey", "a:SecretString::OTHER": "staging label"} {
		if _, err := w.room.Value(region, reference); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", reference, err)
		}
	}
}
