// Package secretsmanager is AWS Secrets Manager: secrets with their versions, found by name, by full ARN and by the ARN
// without its last characters. Rotation and replicas are no part of it.
package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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
	secrets state.Table[secret]
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
	"GetSecretValue": protocol.JSON((*Room).getSecretValue),
	"PutSecretValue": protocol.JSON((*Room).putSecretValue),

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
// Source: AWS Secrets Manager User Guide, "Authentication and access control", "Permissions policy examples".
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
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

// Value returns what a dynamic reference names, without a permission check: id:SecretString:json-key:version-stage.
// Source: AWS CloudFormation User Guide, "Get a secret or secret value from Secrets Manager".
func (r *Room) Value(region, reference string) (string, error) {
	parts := strings.Split(reference, ":")
	id, rest := parts[0], parts[1:]
	if parts[0] == "arn" && len(parts) >= 7 {
		id, rest = strings.Join(parts[:7], ":"), parts[7:]
	}
	rest = append(rest, "", "", "", "")
	s, found := r.find(region, id)
	if !found {
		return "", errNotFound()
	}
	stage := rest[2]
	if stage == "" {
		stage = current
	}
	v, found := s.version(rest[3], stage)
	if !found {
		return "", errNoVersion(stage)
	}
	if rest[1] == "" {
		return v.Value, nil
	}
	var fields map[string]any
	if json.Unmarshal([]byte(v.Value), &fields) != nil || fields[rest[1]] == nil {
		return "", fmt.Errorf("Could not find a value associated with JSONKey in SecretString")
	}
	return fmt.Sprint(fields[rest[1]]), nil
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

func errNoVersion(stage string) error {
	return protocol.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}
