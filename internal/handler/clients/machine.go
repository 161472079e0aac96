package clients

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tokendocker/tokendocker/internal/handler"
)

// Machine is the stack's state machine.
type Machine struct {
	Client *sfn.Client
	ARN    string
}

// Start implements handler.Machine.
func (m Machine) Start(ctx context.Context, name string, input []byte) (bool, error) {
	_, err := m.Client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &m.ARN, Name: &name, Input: aws.String(string(input)),
	})
	switch {
	case err == nil:
		return true, nil
	case is(err, "ExecutionAlreadyExists"):
		return false, nil
	}
	return false, problem("start an execution of", m.ARN, err)
}

// Running implements handler.Machine. The API has no filter for names. Where there is no machine, nothing runs.
func (m Machine) Running(ctx context.Context, prefix string) ([]handler.Execution, error) {
	pages := sfn.NewListExecutionsPaginator(m.Client, &sfn.ListExecutionsInput{
		StateMachineArn: &m.ARN, StatusFilter: types.ExecutionStatusRunning, MaxResults: 1000,
	})
	var running []handler.Execution
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if is(err, "StateMachineDoesNotExist") {
			return nil, nil
		}
		if err != nil {
			return nil, problem("list the executions of", m.ARN, err)
		}
		for _, e := range page.Executions {
			if name := aws.ToString(e.Name); strings.HasPrefix(name, prefix) {
				running = append(running, handler.Execution{Name: name, ARN: aws.ToString(e.ExecutionArn)})
			}
		}
	}
	return running, nil
}

// Stop implements handler.Machine.
func (m Machine) Stop(ctx context.Context, arn string) error {
	_, err := m.Client.StopExecution(ctx, &sfn.StopExecutionInput{
		ExecutionArn: &arn, Error: aws.String("tokendocker.Overtaken"),
		Cause: aws.String("a later update or deletion of the resource overtook this execution"),
	})
	if err == nil || is(err, "ExecutionDoesNotExist") {
		return nil
	}
	return problem("stop execution", arn, err)
}
