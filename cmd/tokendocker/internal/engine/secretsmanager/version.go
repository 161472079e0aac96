package secretsmanager

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Staging labels that Secrets Manager moves by itself (AWS Secrets Manager User Guide, "What's in a secret").
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Source: AWS Secrets Manager User Guide, "AWS Secrets Manager quotas".
const (
	maxValue    = 65536 // bytes
	maxVersions = 100   // those without a label make room for new ones
)

type version struct {
	ID      string
	Value   string
	Binary  []byte `json:",omitempty"` // instead of Value
	Stages  []string
	Created time.Time `json:",omitzero"`
}

// valueInput is a value that a call brings.
type valueInput struct {
	SecretString string
	SecretBinary []byte
	Token        string `json:"ClientRequestToken"` // becomes the version's id; SDKs make one up
}

func (in valueInput) empty() bool { return in.SecretString == "" && len(in.SecretBinary) == 0 }

func (in valueInput) check() error {
	switch {
	case in.SecretString != "" && len(in.SecretBinary) > 0:
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case len(in.SecretString) > maxValue || len(in.SecretBinary) > maxValue:
		return invalidParameter("A secret value has at most %d bytes.", maxValue)
	}
	return nil
}

func (in valueInput) is(v version) bool {
	return v.ID == in.Token && v.Value == in.SecretString && bytes.Equal(v.Binary, in.SecretBinary)
}

// sameVersion says that an earlier try of a call made the version that it is about.
func (s secret) sameVersion(in valueInput) bool { return slices.ContainsFunc(s.Versions, in.is) }

// version finds a version by its id or by a label; without either it is the current one.
// Source: Secrets Manager API Reference, GetSecretValue.
func (s secret) version(id, stage string) (version, error) {
	if id == "" {
		stage = cmp.Or(stage, current)
	}
	for _, v := range s.Versions {
		switch {
		case id != "" && v.ID != id, id == "" && !slices.Contains(v.Stages, stage):
		case stage != "" && !slices.Contains(v.Stages, stage):
			return version{}, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
		default:
			return v, nil
		}
	}
	if id != "" {
		return version{}, protocol.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	}
	return version{}, protocol.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

// add makes a version of a value with labels, which other versions lose. A repeated call (its token) adds nothing.
// Source: Secrets Manager API Reference, PutSecretValue, "ClientRequestToken" and "VersionStages".
func (s *secret) add(in valueInput, stages []string, now time.Time) (version, error) {
	if err := in.check(); err != nil {
		return version{}, err
	}
	in.Token = cmp.Or(in.Token, uuid())
	if i := slices.IndexFunc(s.Versions, func(v version) bool { return v.ID == in.Token }); i >= 0 {
		if v := s.Versions[i]; in.is(v) {
			return v, nil
		}
		return version{}, protocol.Errorf("ResourceExistsException", "A resource with the ID you requested already exists.")
	}
	if len(s.Versions) >= maxVersions {
		if i := slices.IndexFunc(s.Versions, func(v version) bool { return len(v.Stages) == 0 }); i >= 0 {
			s.Versions = slices.Delete(s.Versions, i, i+1)
		}
	}
	s.Versions = append(s.Versions, version{ID: in.Token, Value: in.SecretString, Binary: in.SecretBinary, Created: now})
	for _, stage := range stages {
		s.label(stage, in.Token)
	}
	return s.Versions[len(s.Versions)-1], nil
}

// label gives a label to a version, none if id is empty, and takes it from the one that has it. The one that was the
// current becomes the previous one.
func (s *secret) label(stage, id string) {
	for i := range s.Versions {
		v := &s.Versions[i]
		had := slices.Contains(v.Stages, stage)
		switch {
		case v.ID == id && !had:
			v.Stages = append(v.Stages, stage)
		case v.ID != id && had:
			v.Stages = slices.DeleteFunc(v.Stages, func(other string) bool { return other == stage })
			if stage == current {
				s.label(previous, v.ID)
			}
		}
	}
}

// labelled are the labels by version, of those that have some.
func (s secret) labelled() map[string][]string {
	out := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			out[v.ID] = v.Stages
		}
	}
	return out
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
	if err := s.usable(); err != nil {
		return nil, err
	}
	v, err := s.version(in.VersionID, in.VersionStage)
	if err != nil {
		return nil, err
	}
	if err := r.mayUse(ctx, call.Session, s, v, "kms:Decrypt"); err != nil {
		return nil, err
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": v.ID, "VersionStages": v.Stages}
	if at := v.created(s); !at.IsZero() {
		out["CreatedDate"] = protocol.Timestamp(at)
	}
	if len(v.Binary) > 0 {
		out["SecretBinary"] = v.Binary
	} else {
		out["SecretString"] = v.Value
	}
	return out, nil
}

func (v version) created(s secret) time.Time {
	if v.Created.IsZero() {
		return s.Created
	}
	return v.Created
}

// write gives a secret a value, if there is one, and other settings, which are those that the value is encrypted with.
func (r *Room) write(ctx context.Context, call *protocol.Call, id string, value valueInput, stages []string, set func(*secret)) (secret, version, error) {
	value.Token = cmp.Or(value.Token, uuid())
	if s, found := r.find(call.Region, id); found && !value.empty() {
		set(&s)
		if err := r.mayUse(ctx, call.Session, s, version{ID: value.Token}, "kms:GenerateDataKey", "kms:Decrypt"); err != nil {
			return s, version{}, err
		}
	}
	var v version
	s, err := r.change(call.Region, id, func(s *secret) (err error) {
		set(s)
		if !value.empty() {
			v, err = s.add(value, stages, r.Clock.Now())
		}
		return err
	})
	return s, v, err
}

func (r *Room) putSecretValue(ctx context.Context, call *protocol.Call, in struct {
	SecretID      string `json:"SecretId"`
	VersionStages []string
	valueInput
}) (any, error) {
	if in.empty() {
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	if len(in.VersionStages) == 0 {
		in.VersionStages = []string{current}
	}
	s, v, err := r.write(ctx, call, in.SecretID, in.valueInput, in.VersionStages, func(*secret) {})
	if err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": v.ID, "VersionStages": v.Stages}, nil
}

// moveStage moves a label from one version to another.
// Source: Secrets Manager API Reference, UpdateSecretVersionStage.
func (r *Room) moveStage(_ context.Context, call *protocol.Call, in struct {
	SecretID     string `json:"SecretId"`
	VersionStage string
	From         string `json:"RemoveFromVersionId"`
	To           string `json:"MoveToVersionId"`
}) (any, error) {
	s, err := r.change(call.Region, in.SecretID, func(s *secret) error {
		holder, _ := s.version("", in.VersionStage)
		_, err := s.version(in.To, "")
		switch {
		case in.To != "" && err != nil:
			return err
		case in.To == "" && in.VersionStage == current:
			return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
		case holder.ID != "" && holder.ID != in.To && holder.ID != in.From:
			return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
				"so you must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, holder.ID)
		case in.From != "" && holder.ID != in.From:
			return invalidParameter("The staging label %s isn't attached to version %s, so it can't be removed from it.", in.VersionStage, in.From)
		}
		s.label(in.VersionStage, in.To)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name}, nil
}

func (r *Room) listVersions(_ context.Context, call *protocol.Call, in struct {
	SecretID          string `json:"SecretId"`
	IncludeDeprecated bool
	MaxResults        int
	NextToken         string
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	type entry struct {
		ID      string             `json:"VersionId"`
		Stages  []string           `json:"VersionStages,omitempty"`
		Created protocol.Timestamp `json:"CreatedDate,omitzero"`
	}
	all := []entry{}
	for _, v := range s.Versions {
		if in.IncludeDeprecated || len(v.Stages) > 0 {
			all = append(all, entry{v.ID, v.Stages, protocol.Timestamp(v.created(s))})
		}
	}
	part, next, err := page(all, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name, "Versions": part}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
