package kms

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// States of a key. Source: AWS KMS API Reference, KeyMetadata.
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

// key is a KMS key. Its material is as safe as the state folder, which only its owner may read.
type key struct {
	ID          string
	ARN         string
	Region      string
	Description string
	Policy      string // JSON text
	State       string
	Spec        string
	Usage       string
	Rotation    bool
	Days        int // pending window of a deletion
	Deletion    time.Time
	Created     time.Time
	Material    []byte
	Grants      []grant
	Tags        map[string]string `json:",omitempty"`
}

type grant struct {
	ID         string
	Grantee    string
	Operations []string
}

// alias is another name of a key.
type alias struct {
	ARN    string
	Name   string // "alias/app"
	Region string
	Key    string // ARN
	Token  string
}

// aliasName returns the alias in a key's identifier, if it is one.
func aliasName(id string) (string, bool) {
	if i := strings.Index(id, ":alias/"); strings.HasPrefix(id, "arn:") && i >= 0 {
		return id[i+1:], true
	}
	return id, strings.HasPrefix(id, "alias/")
}

// find returns the key that an identifier means. AWS's own keys come into being when they are named.
// Source: AWS KMS API Reference, DescribeKey, KeyId.
func (r *Room) find(region, id string) (key, error) {
	if a, ok := aliasName(id); ok {
		if strings.HasPrefix(a, "alias/aws/") {
			return r.managed(region, a), nil
		}
		found, ok, err := r.aliases.Get(r.arn(region, a))
		if err == nil && !ok {
			err = noSuchAlias(r.arn(region, a))
		}
		if err != nil {
			return key{}, err
		}
		id = found.Key
	}
	arn := id
	if !strings.HasPrefix(arn, "arn:") {
		arn = r.arn(region, "key/"+id)
	}
	k, ok, err := r.keys.Get(arn)
	if err == nil && (!ok || k.Region != region || k.State == pendingDeletion && r.Clock.Now().After(k.Deletion)) {
		err = noSuchKey(arn)
	}
	return k, err
}

func noSuchKey(arn string) error {
	return protocol.Errorf("NotFoundException", "Key '%s' does not exist", arn)
}

// managed is the key that a service uses where no other is named. Everybody in the account may use it through the
// service, and nobody otherwise.
// Source: AWS KMS Developer Guide, "AWS managed keys"; the key policies that GetKeyPolicy shows for them.
func (r *Room) managed(region, name string) key {
	service := strings.TrimPrefix(name, "alias/aws/")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Encrypt",`+
		`"kms:Decrypt","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey"],"Resource":"*","Condition":{"StringEquals":`+
		`{"kms:CallerAccount":"%s","kms:ViaService":"%s.%s.amazonaws.com"}}},{"Effect":"Allow","Principal":{"AWS":"arn:%s:iam::%s:root"},`+
		`"Action":["kms:Describe*","kms:Get*","kms:List*"],"Resource":"*"}]}`, r.Account, service, region, r.Partition, r.Account)
	id := protocol.StableID("managed", r.Account, region, name)
	return key{ID: id, ARN: r.arn(region, "key/"+id), Region: region, Policy: policy, State: enabled, Spec: symmetric,
		Usage: encryptDecrypt, Rotation: true, Created: r.Clock.Now(), Material: []byte(protocol.StableID("material", r.Account, region, name))[:32]}
}

// elsewhere is a key of the region that an ARN names and nobody in the rehearsal made. All that is known of it is what
// KMS gives a key without a policy of its own.
// Source: AWS KMS Developer Guide, "Default key policy".
func (r *Room) elsewhere(region, arn string) (key, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "kms" || parts[3] != region || !strings.HasPrefix(parts[5], "key/") {
		return key{}, false
	}
	return key{ID: strings.TrimPrefix(parts[5], "key/"), ARN: arn, Region: region, State: enabled, Spec: symmetric, Usage: encryptDecrypt,
		Policy: r.defaultPolicy()}, true
}

// usable refuses a key that cannot be used as it is.
func (k key) usable() error {
	switch {
	case k.State == pendingDeletion:
		return protocol.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	case k.State == disabled:
		return protocol.Errorf("DisabledException", "%s is disabled.", k.ARN)
	case k.Usage != encryptDecrypt || k.Spec != symmetric:
		return protocol.Errorf("InvalidKeyUsageException", "%s is no symmetric encryption key; tokendocker uses no others.", k.ARN)
	}
	return nil
}

// effectivePolicy is the key's policy with a statement for each grant, which is what a grant amounts to.
func (k key) effectivePolicy() string {
	if len(k.Grants) == 0 {
		return k.Policy
	}
	var doc map[string]any
	if json.Unmarshal([]byte(k.Policy), &doc) != nil {
		return k.Policy // it was checked when it came
	}
	statements, many := doc["Statement"].([]any)
	if !many {
		statements = []any{doc["Statement"]}
	}
	for _, g := range k.Grants {
		actions := []string{}
		for _, op := range g.Operations {
			actions = append(actions, "kms:"+op)
		}
		statements = append(statements, map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": g.Grantee}, "Action": actions, "Resource": "*"})
	}
	doc["Statement"] = statements
	text, err := json.Marshal(doc)
	if err != nil {
		return k.Policy
	}
	return string(text)
}
