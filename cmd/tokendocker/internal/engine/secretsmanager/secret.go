package secretsmanager

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Staging labels that Secrets Manager moves by itself (AWS Secrets Manager User Guide, "What's in a secret").
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// secret is what is kept of one secret, under its ARN.
type secret struct {
	Name     string
	ARN      string
	Region   string
	Key      string `json:",omitempty"` // of KMS; empty means the account's AWS-managed one
	Policy   string `json:",omitempty"` // its own; empty: none
	Created  time.Time
	Versions []version // newest last
}

type version struct {
	ID     string
	Value  string
	Stages []string
}

// version finds a version by id, else by label.
func (s secret) version(id, stage string) (version, bool) {
	for _, v := range s.Versions {
		if id != "" && v.ID == id || id == "" && slices.Contains(v.Stages, stage) {
			return v, true
		}
	}
	return version{}, false
}

// add makes a value the current one.
func (s *secret) add(value string) version {
	for i := range s.Versions {
		v := &s.Versions[i]
		switch {
		case slices.Contains(v.Stages, current):
			v.Stages = []string{previous}
		default:
			v.Stages = nil
		}
	}
	next := version{ID: uuid(), Value: value, Stages: []string{current}}
	s.Versions = append(s.Versions, next)
	return next
}

// find returns the secret that a name, a full ARN or an ARN without its last characters names.
// Source: Secrets Manager API Reference, GetSecretValue, "SecretId".
func (r *Room) find(region, id string) (secret, bool) {
	for _, s := range r.secrets.All() {
		if s.Region == region && names(s, id) {
			return s, true
		}
	}
	for _, given := range slices.Sorted(maps.Keys(r.Given)) {
		s := r.given(region, given)
		if names(s, id) {
			return s, true
		}
	}
	return secret{}, false
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
	s := secret{Name: id, Region: region, ARN: r.arn(region, id, hex.EncodeToString(sum[:3])),
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

func (r *Room) getSecretValue(ctx context.Context, call *protocol.Call, in struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	stage := in.VersionStage
	if stage == "" {
		stage = current
	}
	v, found := s.version(in.VersionID, stage)
	if !found {
		return nil, errNoVersion(stage)
	}
	if err := r.mayUse(ctx, call.Session, s, v, "kms:Decrypt"); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": v.ID, "SecretString": v.Value, "VersionStages": v.Stages,
		"CreatedDate": protocol.Timestamp(s.Created)}, nil
}

func (r *Room) describeSecret(_ context.Context, call *protocol.Call, in struct {
	SecretID string `json:"SecretId"`
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	stages := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			stages[v.ID] = v.Stages
		}
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionIdsToStages": stages, "CreatedDate": protocol.Timestamp(s.Created)}
	if s.Key != "" {
		out["KmsKeyId"] = s.Key
	}
	return out, nil
}

// Source: Secrets Manager API Reference, CreateSecret, "Name".
var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

func (r *Room) createSecret(ctx context.Context, call *protocol.Call, in struct {
	Name, SecretString string
	KMSKeyID           string `json:"KmsKeyId"`
}) (any, error) {
	s, err := r.create(ctx, call.Session, secret{Region: call.Region, Name: in.Name, Key: in.KMSKeyID}, in.SecretString)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": s.Versions[0].ID}, nil
}

// create makes a secret of that name, region and key; its ARN ends in six characters that no earlier secret of the name
// had.
func (r *Room) create(ctx context.Context, as *session.Session, s secret, value string) (secret, error) {
	if !secretName.MatchString(s.Name) {
		return secret{}, protocol.Errorf("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if _, found := r.find(s.Region, s.Name); found {
		return secret{}, protocol.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", s.Name)
	}
	s.Created, s.ARN = r.Clock.Now(), r.arn(s.Region, s.Name, random(6, letters+digits))
	if err := r.mayUse(ctx, as, s, s.add(value), "kms:GenerateDataKey", "kms:Decrypt"); err != nil {
		return secret{}, err
	}
	return s, r.secrets.Put(s.ARN, s)
}

func (r *Room) putSecretValue(ctx context.Context, call *protocol.Call, in struct {
	SecretID     string `json:"SecretId"`
	SecretString string
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	v := s.add(in.SecretString)
	if err := r.mayUse(ctx, call.Session, s, v, "kms:GenerateDataKey", "kms:Decrypt"); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": v.ID, "VersionStages": v.Stages}, r.secrets.Put(s.ARN, s)
}

func (r *Room) deleteSecret(_ context.Context, call *protocol.Call, in struct {
	SecretID string `json:"SecretId"`
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "DeletionDate": protocol.Timestamp(r.Clock.Now())}, r.secrets.Delete(s.ARN)
}

const (
	letters     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// random is text of n characters out of an alphabet.
func random(n int, alphabet string) string {
	var text strings.Builder
	for range n {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // crypto/rand never fails
		}
		text.WriteByte(alphabet[i.Int64()])
	}
	return text.String()
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	return fmt.Sprintf("%x-%x-4%x-8%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])[:36]
}
