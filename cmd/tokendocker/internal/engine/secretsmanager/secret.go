package secretsmanager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// secret is what is kept of one secret, under its ARN.
type secret struct {
	Name        string
	ARN         string
	Region      string
	Description string            `json:",omitempty"`
	Key         string            `json:",omitempty"` // of KMS; empty means the account's AWS-managed one
	Policy      string            `json:",omitempty"` // its own; empty: none
	Tags        map[string]string `json:",omitempty"`
	Token       string            `json:",omitempty"` // of the stack operation that made it
	Created     time.Time
	Changed     time.Time `json:",omitzero"`
	Deletion    time.Time `json:",omitzero"` // from then on it is gone; zero: nobody deletes it
	Versions    []version // newest last

	given bool // it was handed to the rehearsal and is in no table yet
}

// find returns the secret that a name, a full ARN or an ARN without its last characters names.
// Source: Secrets Manager API Reference, GetSecretValue, "SecretId".
func (r *Room) find(region, id string) (secret, bool) {
	for s := range r.all(region) {
		if names(s, id) {
			return s, true
		}
	}
	return secret{}, false
}

// all goes over a region's secrets, first those that were made.
func (r *Room) all(region string) func(func(secret) bool) {
	return func(yield func(secret) bool) {
		stored := map[string]bool{}
		for arn, s := range r.secrets.All() {
			stored[arn] = true
			over := !s.Deletion.IsZero() && r.Clock.Now().After(s.Deletion)
			if s.Region == region && !over && !yield(s) {
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(r.Given)) {
			if s := r.given(region, id); !stored[s.ARN] && !yield(s) {
				return
			}
		}
	}
}

func names(s secret, id string) bool {
	return id == s.Name || id == s.ARN || id == s.ARN[:len(s.ARN)-suffixLength]
}

// suffixLength is that of the hyphen and six characters that Secrets Manager adds to a name.
const suffixLength = 7

var fullARN = regexp.MustCompile(`^(arn:.*:secret:(.+))-[A-Za-z0-9]{6}$`)

// given is a secret that was handed to the rehearsal. One that is named without its last characters gets some.
func (r *Room) given(region, id string) secret {
	sum := sha256.Sum256([]byte(id))
	s := secret{Name: id, Region: region, ARN: r.arn(region, id, hex.EncodeToString(sum[:3])), given: true,
		Versions: []version{{ID: "00000000-0000-4000-8000-" + hex.EncodeToString(sum[:6]), Value: r.Given[id], Stages: []string{current}}}}
	switch m := fullARN.FindStringSubmatch(id); {
	case m != nil:
		s.Name, s.ARN = m[2], id
	case strings.HasPrefix(id, "arn:"):
		_, s.Name, _ = strings.Cut(id, ":secret:")
		s.ARN = id + "-" + hex.EncodeToString(sum[:3])
	}
	return s
}

// change finds a secret and changes it in one step. It fails for a secret that is to be deleted.
func (r *Room) change(region, id string, do func(*secret) error) (secret, error) {
	s, found := r.find(region, id)
	if !found {
		return secret{}, errNotFound()
	}
	err := r.secrets.Update(s.ARN, func(now secret, found bool) (secret, error) {
		if found {
			s = now
		} else if !s.given {
			return now, errNotFound() // deleted meanwhile
		}
		if err := s.usable(); err != nil {
			return now, err
		}
		s.Changed = r.Clock.Now()
		err := do(&s)
		return s, err
	})
	return s, err
}

// usable refuses a secret that is to be deleted.
func (s secret) usable() error {
	if !s.Deletion.IsZero() {
		return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return nil
}

// Source: Secrets Manager API Reference, CreateSecret, "Name".
var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

type createInput struct {
	Name        string
	Description string
	KMSKeyID    string `json:"KmsKeyId"`
	Tags        []tag
	valueInput
}

func (r *Room) createSecret(ctx context.Context, call *protocol.Call, in createInput) (any, error) {
	s := secret{Region: call.Region, Name: in.Name, Description: in.Description, Key: in.KMSKeyID, Tags: tagMap(in.Tags)}
	s, err := r.create(ctx, call.Session, s, in.valueInput)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name}
	if len(s.Versions) > 0 {
		out["VersionId"] = s.Versions[0].ID
	}
	return out, nil
}

// create makes a secret; its ARN ends in six characters that no earlier secret of the name had. One that the same stack
// operation (s.Token) made already is no error.
func (r *Room) create(ctx context.Context, as *session.Session, s secret, value valueInput) (secret, error) {
	if !secretName.MatchString(s.Name) {
		return secret{}, protocol.Errorf("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	s.Created, s.ARN = r.Clock.Now(), r.arn(s.Region, s.Name, random(6, letters+digits))
	s.Changed = s.Created
	if !value.empty() {
		v, err := s.add(value, []string{current}, s.Created)
		if err == nil {
			err = r.mayUse(ctx, as, s, v, "kms:GenerateDataKey", "kms:Decrypt")
		}
		if err != nil {
			return secret{}, err
		}
	}
	r.naming.Lock()
	defer r.naming.Unlock()
	old, found := r.find(s.Region, s.Name)
	switch {
	case found && s.Token != "" && old.Token == s.Token:
		return old, nil
	case found && !old.Deletion.IsZero():
		return secret{}, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	case found && value.Token != "" && old.sameVersion(value):
		return old, nil
	case found:
		return secret{}, protocol.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", s.Name)
	}
	return s, r.secrets.Put(s.ARN, s)
}

type updateInput struct {
	SecretID    string  `json:"SecretId"`
	Description *string // nil leaves it as it is
	KMSKeyID    string  `json:"KmsKeyId"`
	valueInput
}

// updateSecret changes a secret's settings, and its value if one is given.
// Source: Secrets Manager API Reference, UpdateSecret.
func (r *Room) updateSecret(ctx context.Context, call *protocol.Call, in updateInput) (any, error) {
	s, v, err := r.write(ctx, call, in.SecretID, in.valueInput, []string{current}, func(s *secret) {
		if in.Description != nil {
			s.Description = *in.Description
		}
		if in.KMSKeyID != "" {
			s.Key = in.KMSKeyID
		}
	})
	if err != nil {
		return nil, err
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name}
	if v.ID != "" {
		out["VersionId"] = v.ID
	}
	return out, nil
}

type idInput struct {
	SecretID string `json:"SecretId"`
}

// description is what DescribeSecret and ListSecrets tell of a secret.
type description struct {
	ARN         string
	Name        string
	Description string `json:",omitempty"`
	KMSKeyID    string `json:"KmsKeyId,omitempty"`
	Tags        []tag
	Created     protocol.Timestamp  `json:"CreatedDate,omitzero"`
	Changed     protocol.Timestamp  `json:"LastChangedDate,omitzero"`
	Deleted     protocol.Timestamp  `json:"DeletedDate,omitzero"`
	Stages      map[string][]string `json:"VersionIdsToStages,omitempty"`
	Listed      map[string][]string `json:"SecretVersionsToStages,omitempty"` // the same, by ListSecrets
}

func (s secret) describe() description {
	return description{ARN: s.ARN, Name: s.Name, Description: s.Description, KMSKeyID: s.Key, Tags: tagList(s.Tags),
		Created: protocol.Timestamp(s.Created), Changed: protocol.Timestamp(s.Changed), Deleted: protocol.Timestamp(s.Deletion)}
}

func (r *Room) describeSecret(_ context.Context, call *protocol.Call, in idInput) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	out := s.describe()
	out.Stages = s.labelled()
	return out, nil
}
