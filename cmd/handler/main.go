// Command handler is the stack's Lambda function: it answers CloudFormation's custom resources and the questions of
// the state machine. Environment: MACHINE_ARN, the ARN of the state machine, beside what Lambda sets.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/handler/clients"
)

func main() {
	h, err := connect(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

// connect makes the clients; the SDK reads region, credentials and endpoints from Lambda's environment.
func connect(ctx context.Context) (*handler.Handler, error) {
	machine := os.Getenv("MACHINE_ARN")
	if machine == "" {
		return nil, fmt.Errorf("MACHINE_ARN is not set: the function does not know its state machine")
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the SDK's configuration: %w", err)
	}
	registry, parameters := ecr.NewFromConfig(aws), ssm.NewFromConfig(aws)
	return handler.New(handler.Ports{
		Registry:   clients.Registry{Client: registry},
		Replicas:   clients.Replicas{Client: registry},
		Lease:      clients.Lease{Client: parameters},
		Parameters: clients.Parameters{Client: parameters},
		Builds:     clients.Builds{Client: codebuild.NewFromConfig(aws)},
		Machine:    clients.Machine{Client: sfn.NewFromConfig(aws), ARN: machine},
		Logs:       clients.Logs{Client: cloudwatchlogs.NewFromConfig(aws)},
		Responder:  clients.Responder{Client: &http.Client{}, Pause: time.Second},
		LogStream:  os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"),
		Log:        slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Now:        time.Now,
		Sleep:      sleep,
	}), nil
}

// sleep waits, unless the invocation ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
