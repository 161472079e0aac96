package catalog_test

import (
	"slices"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

func TestTypes(t *testing.T) {
	cases := []struct {
		source, name, immutable, attribute string
		kind                               catalog.Kind
		arn                                string
	}{
		{"Template Reference, AWS::DynamoDB::Table, 2026-11", "AWS::DynamoDB::Table", "KeySchema", "StreamArn", catalog.String,
			"arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"},
		{"Template Reference, AWS::RDS::DBInstance, 2026-11", "AWS::RDS::DBInstance", "StorageEncrypted", "Endpoint.Address", catalog.String,
			"arn:${Partition}:rds:${Region}:${Account}:db:${DbInstanceName}"},
		{"Template Reference, AWS::WAFv2::WebACL, 2026-11", "AWS::WAFv2::WebACL", "Scope", "Capacity", catalog.Number, ""},
		{"Template Reference, AWS::EC2::VPC, 2026-11", "AWS::EC2::VPC", "CidrBlock", "CidrBlockAssociations", catalog.List,
			"arn:${Partition}:ec2:${Region}:${Account}:vpc/${VpcId}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := catalog.Of(c.name)
			if !ok || !slices.Contains(got.Immutable, c.immutable) || got.Attributes[c.attribute] != c.kind || got.ARN != c.arn {
				t.Errorf("%v %+v", ok, got)
			}
		})
	}
	if _, ok := catalog.Of("AWS::Made::Up"); ok {
		t.Error("knows a type that there is not")
	}
}
