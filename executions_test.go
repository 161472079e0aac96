package tokendocker

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// providerProps is short for what these tests write often.
type providerProps = TokenInjectableDockerBuilderProviderProps

// mayExecutions are the machine's permissions that come with what is chosen for executions; none without.
func mayExecutions(t *testing.T, resources map[string]resource) (id string, list []allowed) {
	t.Helper()
	for id, r := range ofType(resources, "AWS::IAM::Policy") {
		if r.Properties["PolicyName"] == "Executions" {
			return id, statements(t, r.Properties["PolicyDocument"])
		}
	}
	return "", nil
}

// TestExecutions: a key, a log and traces of the state machine's executions, each with what its role then needs.
func TestExecutions(t *testing.T) {
	chosen := func(t *testing.T, choose func(awscdk.Stack) providerProps) (map[string]any, []allowed, string) {
		stack := newStack(t)
		props := choose(stack)
		newBuilder(stack, "B", nil)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &props)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &props) // the same once more is no other choice
		resources, all := template(t, stack)
		_, machine := only(t, resources, "AWS::StepFunctions::StateMachine")
		policy, list := mayExecutions(t, resources)
		if policy != "" && !slices.Contains(machine.DependsOn, policy) {
			t.Errorf("the machine does not wait for its permissions: %v", machine.DependsOn)
		}
		return machine.Properties, list, all
	}
	key := func(stack awscdk.Stack) awskms.IKey { return awskms.NewKey(stack, jsii.String("Key"), nil) }
	group := func(stack awscdk.Stack) awslogs.ILogGroup {
		return awslogs.NewLogGroup(stack, jsii.String("Events"), nil)
	}

	t.Run("nothing by default", func(t *testing.T) {
		machine, list, _ := chosen(t, func(awscdk.Stack) providerProps { return providerProps{Tracing: jsii.Bool(false)} })
		for _, property := range []string{"EncryptionConfiguration", "LoggingConfiguration", "TracingConfiguration"} {
			if machine[property] != nil {
				t.Errorf("%s is %v", property, machine[property])
			}
		}
		if len(list) > 0 {
			t.Errorf("the machine may %+v", list)
		}
	})
	t.Run("key", func(t *testing.T) {
		machine, list, all := chosen(t, func(stack awscdk.Stack) providerProps { return providerProps{EncryptionKey: key(stack)} })
		one(t, text(t, machine["EncryptionConfiguration"]), `"KmsKeyId":{"Fn::GetAtt":["Key`)
		s := single(t, list, "kms:Decrypt")
		if len(list) != 1 || !slices.Equal(s.actions, []string{"kms:Decrypt", "kms:GenerateDataKey"}) || !strings.Contains(s.resources[0], `"Fn::GetAtt":["Key`) {
			t.Errorf("the machine may %+v", list)
		}
		one(t, s.condition, "kms:EncryptionContext:aws:states:stateMachineArn")
		one(t, s.condition, ":stateMachine:tokendocker-")
		if strings.Contains(all, "delivery.logs") {
			t.Error("the key lets logs be delivered, and there is no log")
		}
	})
	t.Run("log", func(t *testing.T) {
		machine, list, _ := chosen(t, func(stack awscdk.Stack) providerProps { return providerProps{ExecutionLogGroup: group(stack)} })
		logging := text(t, machine["LoggingConfiguration"])
		one(t, logging, `"Level":"ALL"`)
		one(t, logging, `"IncludeExecutionData":false`)
		one(t, logging, `"LogGroupArn":{"Fn::GetAtt":["Events`)
		if s := single(t, list, "logs:CreateLogDelivery"); len(list) != 1 || s.resources[0] != `"*"` {
			t.Errorf("the machine may %+v", list)
		}
	})
	t.Run("key and log", func(t *testing.T) {
		_, list, all := chosen(t, func(stack awscdk.Stack) providerProps {
			return providerProps{EncryptionKey: key(stack), ExecutionLogGroup: group(stack)}
		})
		one(t, all, `{"Action":"kms:Decrypt","Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Resource":"*"}`)
		if found := having(list, "kms:GenerateDataKey"); len(found) != 2 || !strings.Contains(found[1].condition, "kms:EncryptionContext:SourceArn") {
			t.Errorf("the machine may %+v", found)
		}
	})
	t.Run("traces", func(t *testing.T) {
		machine, list, _ := chosen(t, func(awscdk.Stack) providerProps { return providerProps{Tracing: jsii.Bool(true)} })
		one(t, text(t, machine["TracingConfiguration"]), `"Enabled":true`)
		if s := single(t, list, "xray:PutTraceSegments"); len(list) != 1 || s.resources[0] != `"*"` {
			t.Errorf("the machine may %+v", list)
		}
	})
}

// TestExecutionsChosenTwice: a stack has one state machine, so that two different choices are an error.
func TestExecutionsChosenTwice(t *testing.T) {
	for name, c := range map[string]struct {
		choose func(stack awscdk.Stack, id string) providerProps
		want   string
	}{
		"key": {func(stack awscdk.Stack, id string) providerProps {
			return providerProps{EncryptionKey: awskms.NewKey(stack, jsii.String(id), nil)}
		}, "EncryptionKey is S/Two here and S/One elsewhere, but a stack has one provider: choose one"},
		"log": {func(stack awscdk.Stack, id string) providerProps {
			return providerProps{ExecutionLogGroup: awslogs.NewLogGroup(stack, jsii.String(id), nil)}
		}, "ExecutionLogGroup is S/Two here and S/One elsewhere, but a stack has one provider: choose one"},
		"traces": {func(_ awscdk.Stack, id string) providerProps {
			return providerProps{Tracing: jsii.Bool(id == "One")}
		}, "Tracing is true in one place and false in another, but a stack has one provider: choose one"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			for _, id := range []string{"One", "Two"} {
				props := c.choose(stack, id)
				TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &props)
			}
			one(t, synthError(t, stack), c.want)
		})
	}
}
