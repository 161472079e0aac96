// Package secretsmanager is AWS Secrets Manager: secrets with their versions and labels, found by name, by full ARN and
// by the ARN without its last characters. Rotation and replicas are no part of it, though a function that rotates a
// secret finds the calls that it makes.
package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Options says what the room works with. All fields but Given are required; Keys and Deployer where secrets have keys of
// their own.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Keys      protocol.Keys    // decides about secrets' keys
	Deployer  *session.Session // for whom CloudFormation makes secrets

	// Given are secrets that are there without anybody in the rehearsal having made them: values by name or ARN. They
	// are not stored.
	Given map[string]string
}

// Room is Secrets Manager of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	secrets state.Table[secret] // by ARN
	naming  sync.Mutex          // held while a name is looked up and taken
}

var _ protocol.Service = (*Room)(nil)

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	table, err := state.NewTable[secret](o.Store, "secrets")
	return &Room{Options: o, secrets: table}, err
}

// Resources returns the providers of AWS::SecretsManager types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::SecretsManager::Secret":         secretProvider{r},
		"AWS::SecretsManager::ResourcePolicy": policyProvider{r},
	}
}

// Name returns "secretsmanager".
func (r *Room) Name() string { return "secretsmanager" }

// operations are what the room can do.
var operations = map[string]protocol.Operation[*Room]{
	"CreateSecret":   protocol.JSON((*Room).createSecret),
	"DeleteSecret":   protocol.JSON((*Room).deleteSecret),
	"DescribeSecret": protocol.JSON((*Room).describeSecret),
	"ListSecrets":    protocol.JSON((*Room).listSecrets),
	"RestoreSecret":  protocol.JSON((*Room).restoreSecret),
	"UpdateSecret":   protocol.JSON((*Room).updateSecret),

	"GetSecretValue":           protocol.JSON((*Room).getSecretValue),
	"ListSecretVersionIds":     protocol.JSON((*Room).listVersions),
	"PutSecretValue":           protocol.JSON((*Room).putSecretValue),
	"UpdateSecretVersionStage": protocol.JSON((*Room).moveStage),

	"GetRandomPassword": protocol.JSON((*Room).randomPassword),
	"TagResource":       protocol.JSON((*Room).tagSecret),
	"UntagResource":     protocol.JSON((*Room).untagSecret),

	"DeleteResourcePolicy": protocol.JSON((*Room).deleteResourcePolicy),
	"GetResourcePolicy":    protocol.JSON((*Room).getResourcePolicy),
	"PutResourcePolicy":    protocol.JSON((*Room).putResourcePolicy),
}

// Owner returns the account in the secret's ARN.
func (r *Room) Owner(call *protocol.Call) string {
	var in struct {
		SecretID string `json:"SecretId"`
	}
	if json.Unmarshal(call.Body, &in) != nil {
		return ""
	}
	return protocol.OwnerOf(in.SecretID)
}

// Needs names the secret by its full ARN, whichever way the caller named it: that is what policies are compared with.
// Source: AWS Secrets Manager User Guide, "Authentication and access control", "Permissions policy examples"; Service
// Authorization Reference, AWS Secrets Manager.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
	}
	if call.Operation == "ListSecrets" || call.Operation == "GetRandomPassword" { // they are about no secret
		return []protocol.Need{{Action: "secretsmanager:" + call.Operation}}, nil
	}
	var in struct {
		SecretID     string `json:"SecretId"`
		Name         string
		VersionID    string `json:"VersionId"`
		VersionStage string
	}
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	need := protocol.Need{Action: "secretsmanager:" + call.Operation, Conditions: map[string][]string{"secretsmanager:SecretId": {in.SecretID}}}
	if in.VersionStage == "" && in.VersionID == "" {
		in.VersionStage = current
	}
	for key, value := range map[string]string{"secretsmanager:VersionStage": in.VersionStage, "secretsmanager:VersionId": in.VersionID} {
		if value != "" {
			need.Conditions[key] = []string{value}
		}
	}
	switch s, found := r.find(call.Region, in.SecretID); {
	case found:
		need.Resources, need.ResourcePolicy = []string{s.ARN}, s.Policy
		need.Conditions["secretsmanager:SecretId"] = []string{s.ARN}
		for key, value := range s.Tags {
			need.Conditions["aws:ResourceTag/"+key] = []string{value}
			need.Conditions["secretsmanager:ResourceTag/"+key] = []string{value}
		}
	case strings.HasPrefix(in.SecretID, "arn:"):
		need.Resources = []string{in.SecretID}
	default:
		need.Resources = []string{r.arn(call.Region, in.SecretID+in.Name, "")}
	}
	return []protocol.Need{need}, nil
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	do, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return do(ctx, r, call)
}

// Value returns what a dynamic reference names, without a permission check:
// id:SecretString:json-key:version-stage:version-id, all but the id may be missing.
// Source: AWS CloudFormation User Guide, "Get a secret or secret value from Secrets Manager".
func (r *Room) Value(region, reference string) (string, error) {
	parts := strings.Split(reference, ":")
	id, rest := parts[0], parts[1:]
	if parts[0] == "arn" && len(parts) >= 7 {
		id, rest = strings.Join(parts[:7], ":"), parts[7:]
	}
	rest = append(rest, "", "", "", "")
	key, stage, versionID := rest[1], rest[2], rest[3]
	s, found := r.find(region, id)
	if !found {
		return "", errNotFound()
	}
	v, err := s.version(versionID, stage)
	if err != nil || key == "" {
		return v.Value, err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(v.Value), &fields) != nil || fields[key] == nil || string(fields[key]) == "null" {
		return "", fmt.Errorf("Could not find a value associated with JSONKey in SecretString") // CloudFormation's words
	}
	var text string
	if json.Unmarshal(fields[key], &text) == nil {
		return text, nil
	}
	return string(fields[key]), nil // a number, a truth value, or JSON within
}

// arn is a secret's ARN; suffix is what Secrets Manager adds to its name.
func (r *Room) arn(region, name, suffix string) string {
	arn := fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:%s", r.Partition, region, r.Account, name)
	if suffix != "" {
		arn += "-" + suffix
	}
	return arn
}

func errNotFound() error {
	return protocol.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func invalidParameter(format string, args ...any) error {
	return protocol.Errorf("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) error {
	return protocol.Errorf("InvalidRequestException", format, args...)
}
