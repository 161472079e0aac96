package clients

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/tokendocker/tokendocker/internal/handler"
)

// writeTries is how often a write is tried that Systems Manager throttles: it takes three a second (AWS General
// Reference, "AWS Systems Manager endpoints and quotas": PutParameter).
const writeTries = 8

// deleteMost is how many parameters one call deletes (API Reference, DeleteParameters).
const deleteMost = 10

// Parameters is Systems Manager's Parameter Store.
type Parameters struct{ Client *ssm.Client }

// of sends one call to a region, and tries again what is throttled.
func of(region string) func(*ssm.Options) {
	return func(o *ssm.Options) {
		if region != "" {
			o.Region = region
		}
		o.Retryer = retry.AddWithMaxAttempts(retry.AddWithErrorCodes(retry.NewStandard(), "TooManyUpdates", "ThrottlingException"), writeTries)
	}
}

// Put implements handler.Parameters.
func (p Parameters) Put(ctx context.Context, region, name, value string) error {
	_, err := p.Client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	}, of(region))
	if err != nil {
		return problem("publish in "+region, name, err)
	}
	return nil
}

// Delete implements handler.Parameters.
func (p Parameters) Delete(ctx context.Context, region string, names []string) error {
	for chunk := range slices.Chunk(names, deleteMost) {
		if _, err := p.Client.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: chunk}, of(region)); err != nil {
			return problem("delete in "+region, chunk[0], err)
		}
	}
	return nil
}

// Lease is a parameter that is there while somebody holds the lease. Only one of two writers can make it.
type Lease struct{ Client *ssm.Client }

// holding is the value of the lease's parameter.
type holding struct {
	Holder string
	Until  time.Time
}

// Take implements handler.Lease.
func (l Lease) Take(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	value, err := json.Marshal(holding{holder, until})
	if err != nil {
		return false, err
	}
	name := handler.LeaseName
	for range 2 { // once more after a lease that is over
		_, err = l.Client.PutParameter(ctx, &ssm.PutParameterInput{
			Name: &name, Value: aws.String(string(value)), Type: types.ParameterTypeString,
		}, of(""))
		switch {
		case err == nil:
			return true, nil
		case !is(err, "ParameterAlreadyExists"):
			return false, problem("take the lease", name, err)
		}
		held, err := l.held(ctx)
		switch {
		case err != nil:
			return false, err
		case held.Holder == holder:
			return true, nil
		case held.Until.After(now):
			return false, nil
		}
		if err := l.Release(ctx); err != nil {
			return false, err
		}
	}
	return false, nil
}

// held reads the lease. What is not there, or not ours to read, is over.
func (l Lease) held(ctx context.Context) (holding, error) {
	name := handler.LeaseName
	out, err := l.Client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name}, of(""))
	switch {
	case is(err, "ParameterNotFound"):
		return holding{}, nil
	case err != nil:
		return holding{}, problem("read the lease", name, err)
	}
	var h holding
	if out.Parameter != nil {
		_ = json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &h) // what somebody else wrote holds nothing
	}
	return h, nil
}

// Release implements handler.Lease.
func (l Lease) Release(ctx context.Context) error {
	name := handler.LeaseName
	_, err := l.Client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name}, of(""))
	if err != nil && !is(err, "ParameterNotFound") {
		return problem("release the lease", name, err)
	}
	return nil
}
