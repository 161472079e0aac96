package states

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// configuration is how a machine logs, traces and encrypts. A nil part is the default; calls leave it out to keep what
// is there.
// Source: Step Functions API Reference, CreateStateMachine. Templates spell the members with capitals.
type configuration struct {
	Logging    *logging    `json:"loggingConfiguration,omitempty"`
	Tracing    *tracing    `json:"tracingConfiguration,omitempty"`
	Encryption *encryption `json:"encryptionConfiguration,omitempty"`
}

// logging says which events of executions go to CloudWatch Logs.
type logging struct {
	Level        string        `json:"level"` // OFF, the default, ALL, ERROR, FATAL
	Data         flag          `json:"includeExecutionData"`
	Destinations []destination `json:"destinations,omitempty"`
}

type destination struct {
	Group struct {
		ARN string `json:"logGroupArn"` // ends in ":*"
	} `json:"cloudWatchLogsLogGroup"`
}

// tracing is kept; no traces are recorded.
type tracing struct {
	Enabled flag `json:"enabled"`
}

// encryption is by a key of AWS's own, or by one of the account's.
type encryption struct {
	Type   string `json:"type"` // AWS_OWNED_KEY, the default, CUSTOMER_MANAGED_KMS_KEY
	Key    string `json:"kmsKeyId,omitempty"`
	Reused number `json:"kmsDataKeyReusePeriodSeconds,omitempty"`
}

// flag and number are scalars that a template may write as text.
type (
	flag   = resource.Flag
	number = resource.Number
)

// configured reads a template's properties.
func configured(properties map[string]any) (configuration, error) {
	var c configuration
	raw, err := json.Marshal(properties)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		err = protocol.Errorf("ValidationException", "The state machine's configuration cannot be read: %v", err)
	}
	return c, err
}

// with takes over the parts that are given.
func (c configuration) with(given configuration) configuration {
	return configuration{cmp.Or(given.Logging, c.Logging), cmp.Or(given.Tracing, c.Tracing), cmp.Or(given.Encryption, c.Encryption)}
}

// logs reports whether anything is logged.
func (c configuration) logs() bool {
	return c.Logging != nil && c.Logging.Level != "" && c.Logging.Level != "OFF"
}

// group is the name of the log group.
func (l logging) group() string {
	_, name, _ := strings.Cut(strings.TrimSuffix(l.Destinations[0].Group.ARN, ":*"), ":log-group:")
	return name
}

// key is the account's own key, empty if there is none.
func (c configuration) key() string {
	if c.Encryption == nil || c.Encryption.Type != "CUSTOMER_MANAGED_KMS_KEY" {
		return ""
	}
	return c.Encryption.Key
}

// deliveries are the rights that a machine's role needs to log, none of which has a resource. The page's policy has three
// more, which AWS does not insist on: machines are made whose roles have those for the account's log groups only, as
// those of AWS Solutions Constructs do, though two of the actions have no resource.
// Source: Developer Guide, "Using CloudWatch Logs to log execution history", IAM policies; awslabs/aws-solutions-constructs,
// aws-eventbridge-stepfunctions, the integration test without arguments.
//
//nolint:gochecknoglobals // a constant
var deliveries = []string{"CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"}

// checkConfiguration does what CreateStateMachine checks of the configuration, as the machine's role s.
func (r *Room) checkConfiguration(ctx context.Context, s *session.Session, m Machine) error {
	if m.key() == "" && m.Encryption != nil && m.Encryption.Type == "CUSTOMER_MANAGED_KMS_KEY" {
		return protocol.Errorf("InvalidEncryptionConfiguration", "Invalid Encryption Configuration: kmsKeyId must be set for the type CUSTOMER_MANAGED_KMS_KEY")
	}
	if !m.logs() {
		return nil
	}
	l := m.Logging
	if l.Level != "ALL" && l.Level != "ERROR" && l.Level != "FATAL" {
		return protocol.Errorf("ValidationException", "Value '%s' at 'loggingConfiguration.level' failed to satisfy constraint: "+
			"Member must satisfy enum value set: [ALL, ERROR, FATAL, OFF]", l.Level)
	}
	if len(l.Destinations) != 1 || l.group() == "" {
		return protocol.Errorf("InvalidLoggingConfiguration", "Invalid Logging Configuration: Must specify exactly one Log Destination.")
	}
	for _, action := range deliveries {
		if err := r.Caller.Allow(ctx, s, m.Region, protocol.Need{Action: "logs:" + action}); err != nil {
			return notToTheLog(err)
		}
	}
	var found struct {
		Groups []struct {
			Name string `json:"logGroupName"`
		} `json:"logGroups"`
	}
	if err := r.Caller.Call(ctx, s, m.Region, "logs", "DescribeLogGroups", map[string]any{"logGroupNamePrefix": l.group()}, &found); protocol.HasCode(err, "AccessDeniedException") {
		return notToTheLog(err)
	} else if err != nil {
		return err
	}
	for _, g := range found.Groups {
		if g.Name == l.group() {
			return nil
		}
	}
	return protocol.Errorf("InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination %s does not exist.", l.Destinations[0].Group.ARN)
}

// notToTheLog is what AWS says of a role that lacks a right to log.
func notToTheLog(why error) error {
	return protocol.Errorf("AccessDeniedException", "The state machine IAM Role is not authorized to access the Log Destination").WithHintOf(why)
}

// dataKey makes the key that an execution's data is encrypted with, as the machine's role.
// Source: Developer Guide, "Data at rest encryption".
func (r *Room) dataKey(ctx context.Context, s *session.Session, m Machine) ([]byte, error) {
	if m.key() == "" {
		return nil, nil
	}
	var out struct{ CiphertextBlob []byte }
	in := map[string]any{"KeyId": m.key(), "KeySpec": "AES_256", "EncryptionContext": m.encryptionContext()}
	if err := r.Caller.Call(ctx, s, m.Region, "kms", "GenerateDataKey", in, &out); err != nil {
		return nil, fmt.Errorf("the role %s cannot encrypt the execution's data: %w", m.Role, err)
	}
	return out.CiphertextBlob, nil
}

func (m Machine) encryptionContext() map[string]string {
	return map[string]string{"aws:states:stateMachineArn": m.ARN}
}

// mayRead refuses an execution's data to callers who may not decrypt it.
// Source: Step Functions API Reference, DescribeExecution and GetExecutionHistory, Errors.
func (r *Room) mayRead(ctx context.Context, call *protocol.Call, e Execution) error {
	if e.DataKey == nil {
		return nil
	}
	in := map[string]any{"CiphertextBlob": e.DataKey, "EncryptionContext": Machine{ARN: e.Machine}.encryptionContext()}
	if err := r.Caller.Call(ctx, call.Session, call.Region, "kms", "Decrypt", in, nil); err != nil {
		return protocol.Errorf("KmsAccessDeniedException", "Either your KMS key policy or API caller does not have the required permissions.").WithHintOf(err)
	}
	return nil
}
