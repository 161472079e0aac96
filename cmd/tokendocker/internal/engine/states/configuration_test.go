package states

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const (
	logPage  = "AWS Step Functions Developer Guide, Using CloudWatch Logs to log execution history, 2026-11"
	restPage = "AWS Step Functions Developer Guide, Data at rest encryption, 2026-11"

	groupARN = "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/vendedlogs/m:*"
	keyARN   = "arn:aws-cn:kms:cn-north-1:111122223333:key/k"

	// It fails once, is caught, and fails for good.
	failing = `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws-cn:states:::lambda:invoke","Parameters":{"FunctionName":"f"},
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"Next":"B"},"B":{"Type":"Fail","Error":"E","Cause":"C"}}}`
)

// answering knows one log group and one key.
func (w *world) answering(operation string, _ json.RawMessage) (any, error) {
	switch operation {
	case "DescribeLogGroups":
		return map[string]any{"logGroups": []any{map[string]any{"logGroupName": "/aws/vendedlogs/m"}, map[string]any{"logGroupName": "/aws/vendedlogs/m2"}}}, nil
	case "GenerateDataKey":
		return map[string]any{"CiphertextBlob": []byte("key"), "Plaintext": []byte("secret")}, nil
	case "Invoke":
		return nil, &protocol.Error{Code: "ServiceException", Status: 500, Message: "no"}
	}
	return map[string]any{}, nil
}

func logsTo(arn, level string, data any) map[string]any {
	return map[string]any{"LoggingConfiguration": map[string]any{"Level": level, "IncludeExecutionData": data,
		"Destinations": []any{map[string]any{"CloudWatchLogsLogGroup": map[string]any{"LogGroupArn": arn}}}}}
}

func encrypted() map[string]any {
	return map[string]any{"EncryptionConfiguration": map[string]any{"Type": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": keyARN, "KmsDataKeyReusePeriodSeconds": "300"}}
}

// TestConfigurations is the marked case table of what machines may be made with.
func TestConfigurations(t *testing.T) {
	cases := []struct {
		name, source, limit string
		properties          map[string]any
		denied              string
		want                string // part of the error; empty: none
	}{
		{name: "logs", source: logPage, properties: logsTo(groupARN, "ALL", false)},
		{name: "logs nothing", source: logPage, properties: map[string]any{"LoggingConfiguration": map[string]any{"Level": "OFF"}}},
		{name: "role may not deliver logs", source: "aws/aws-cdk#26432", limit: "the role must have the page's five rights of log deliveries; AWS does not say which it asks for",
			properties: logsTo(groupARN, "ALL", false), denied: "logs:ListLogDeliveries",
			want: "AccessDeniedException: The state machine IAM Role is not authorized to access the Log Destination"},
		{name: "role may put no resource policy", source: "awslabs/aws-solutions-constructs, aws-eventbridge-stepfunctions, integ.eventbridge-stepfunctions-no-argument, 2026-11",
			properties: logsTo(groupARN, "ALL", false), denied: "logs:PutResourcePolicy"},
		{name: "no destination", source: "hashicorp/terraform-provider-aws#17682", properties: map[string]any{"LoggingConfiguration": map[string]any{"Level": "ERROR"}},
			want: "InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."},
		{name: "no such group", source: logPage, limit: "the message's words are ours", properties: logsTo(strings.Replace(groupARN, "/m", "/", 1), "FATAL", false),
			want: "InvalidLoggingConfiguration: Invalid Logging Configuration: Log Destination"},
		{name: "level", source: "AWS Step Functions API Reference, LoggingConfiguration, 2026-11", properties: logsTo(groupARN, "WARN", false), want: "enum value set"},
		{name: "traces", source: "AWS Step Functions Developer Guide, Trace Step Functions request data in AWS X-Ray, 2026-11", limit: "no traces are recorded",
			properties: map[string]any{"TracingConfiguration": map[string]any{"Enabled": "true"}}},
		{name: "key", source: restPage, properties: encrypted()},
		{name: "key that is not named", source: restPage, limit: "the message's words are ours",
			properties: map[string]any{"EncryptionConfiguration": map[string]any{"Type": "CUSTOMER_MANAGED_KMS_KEY"}}, want: "InvalidEncryptionConfiguration"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.answer, w.deny[c.denied] = w.answering, true
			r := request(`{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`)
			for k, v := range c.properties {
				r.Properties[k] = v
			}
			_, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), r)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestLevels: which events of an execution that fails go to the log, and what stands in them.
func TestLevels(t *testing.T) {
	const started, ended = "ExecutionStarted", "ExecutionFailed"
	cases := []struct {
		name, source, limit string
		level               string
		want                []string
	}{
		{name: "all", source: "AWS Step Functions Developer Guide, Log levels for Step Functions execution events, 2026-11", limit: "events come when the execution has ended",
			level: "ALL", want: []string{started, "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskStateExited", "FailStateEntered", ended}},
		{name: "errors", source: "AWS Step Functions Developer Guide, Log levels for Step Functions execution events, 2026-11", level: "ERROR", want: []string{"TaskFailed", "FailStateEntered", ended}},
		{name: "fatal", source: "AWS Step Functions Developer Guide, Log levels for Step Functions execution events, 2026-11", level: "FATAL", want: []string{ended}},
		{name: "off", source: "AWS Step Functions Developer Guide, Log levels for Step Functions execution events, 2026-11", level: "OFF"},
	}
	for _, c := range cases {
		for _, data := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				w := newWorld(t, 1)
				w.answer = w.answering
				w.make(t, failing, logsTo(groupARN, c.level, data))
				w.wait(t, w.start(t, "n", `{"response":"secret"}`))
				var kinds []string
				for _, line := range w.lines {
					raw, ok := strings.CutPrefix(line, "cn-north-1 /aws/vendedlogs/m ")
					var event struct {
						ID, Type string
						Arn      string          `json:"execution_arn"`
						At       string          `json:"event_timestamp"`
						Details  json.RawMessage `json:"details"`
					}
					if err := json.Unmarshal([]byte(raw), &event); err != nil || !ok || !strings.HasSuffix(event.Arn, ":execution:M:n") || len(event.At) != 13 {
						t.Errorf("%q: %v", line, err)
					}
					kinds = append(kinds, event.Type)
				}
				if diff := cmp.Diff(c.want, kinds); diff != "" {
					t.Error(diff)
				}
				if has := strings.Contains(strings.Join(w.lines, ""), "secret"); has != (data && c.level == "ALL") {
					t.Errorf("the data is in the log: %v\n%s", has, strings.Join(w.lines, "\n"))
				}
			})
		}
	}
}

// make makes the machine M with further properties.
func (w *world) make(t *testing.T, definition string, properties map[string]any) {
	t.Helper()
	r := request(definition)
	for k, v := range properties {
		r.Properties[k] = v
	}
	if _, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// TestEncryptedMachines: the machine's role makes the key of each execution's data, callers who read the data decrypt
// it, and what is logged is encrypted on its way.
func TestEncryptedMachines(t *testing.T) {
	cases := []struct {
		name, source, limit string
		denied              string
		status              string
		read                string // error of who reads
		lines               int
	}{
		{name: "everybody may", source: restPage, status: succeeded, lines: 4},
		{name: "role may not use the key", source: restPage, limit: "such an execution fails as States.Runtime; AWS's page does not say how",
			denied: "kms:GenerateDataKey", status: failed},
		{name: "caller may not decrypt", source: "AWS Step Functions API Reference, DescribeExecution, 2026-11", denied: "kms:Decrypt", status: succeeded,
			read: "KmsAccessDeniedException: Either your KMS key policy or API caller does not have the required permissions."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.answer = w.answering
			properties := logsTo(groupARN, "ALL", true)
			properties["EncryptionConfiguration"] = encrypted()["EncryptionConfiguration"]
			w.make(t, `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`, properties)
			w.mu.Lock()
			w.deny[c.denied] = true
			w.mu.Unlock()
			arn := w.start(t, "n", `{}`)
			until(t, "the end", func() bool {
				e, err := w.room.execution(arn)
				return err == nil && e.Status == c.status
			})
			for _, operation := range []string{"DescribeExecution", "GetExecutionHistory"} {
				if _, err := w.call(t, operation, map[string]any{"executionArn": arn}); c.read == "" && err != nil || c.read != "" && (err == nil || err.Error() != c.read) {
					t.Errorf("%s: %v", operation, err)
				}
			}
			if len(w.lines) != c.lines {
				t.Errorf("%d lines: %q", len(w.lines), w.lines)
			}
		})
	}
}

// TestConfigurationIsTold: DescribeStateMachine tells the configuration, and an update keeps what it does not name.
func TestConfigurationIsTold(t *testing.T) {
	w := newWorld(t, 1)
	w.answer = w.answering
	w.make(t, `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`, logsTo(groupARN, "ERROR", "true"))
	if _, err := w.call(t, "UpdateStateMachine", map[string]any{"stateMachineArn": machineARN, "tracingConfiguration": map[string]any{"enabled": true}}); err != nil {
		t.Fatal(err)
	}
	got, err := w.call(t, "DescribeStateMachine", map[string]any{"stateMachineArn": machineARN})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"loggingConfiguration": map[string]any{"level": "ERROR", "includeExecutionData": true,
			"destinations": []any{map[string]any{"cloudWatchLogsLogGroup": map[string]any{"logGroupArn": groupARN}}}},
		"tracingConfiguration": map[string]any{"enabled": true}, "encryptionConfiguration": map[string]any{"type": "AWS_OWNED_KEY"},
	}
	for name, v := range want {
		if diff := cmp.Diff(v, got[name]); diff != "" {
			t.Error(name, diff)
		}
	}
}
