package ssm_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

// TestPublicParameters reads what AWS publishes, with and without a client.
func TestPublicParameters(t *testing.T) {
	const page = "AWS Systems Manager User Guide, Discovering public parameters in Parameter Store, 2026-11"
	cases := []struct {
		name, source, limit string
		image               bool
	}{
		{name: "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64", source: page, limit: "machine images are made up", image: true},
		{name: "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", source: page, limit: "machine images are made up", image: true},
		{name: "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", source: page, limit: "machine images are made up", image: true},
		{name: "/aws/service/global-infrastructure/regions/us-east-1/longName", source: page, limit: "parameters of other kinds are not known"},
	}
	client, room, _ := newRoom(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			value, err := room.Value("us-east-1", c.name)
			if !c.image {
				if err == nil || !strings.HasPrefix(err.Error(), "ParameterNotFound") {
					t.Errorf("%q, %v", value, err)
				}
				return
			}
			elsewhere, _ := room.Value("eu-west-1", c.name)
			if err != nil || !regexp.MustCompile(`^ami-[0-9a-f]{17}$`).MatchString(value) || elsewhere == value {
				t.Errorf("%q here and %q elsewhere, %v", value, elsewhere, err)
			}
			got, err := client.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String(c.name)})
			if err != nil || *got.Parameter.DataType != "aws:ec2:image" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
