package ec2_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

// TestLookups makes the calls of the CDK's context providers.
func TestLookups(t *testing.T) {
	const api = "Amazon EC2 API Reference, "
	cases := []struct {
		name, source, limit string
		do                  func(t *testing.T, c *awsec2.Client)
	}{
		{name: "default VPC", source: "Amazon VPC User Guide, Default VPC components, 2026-11", do: defaultVPC},
		{name: "machine image", source: api + "DescribeImages, 2026-11", limit: "every machine image that is looked for is there, one for each set of filters, with a made-up identifier", do: machineImage},
		{name: "endpoint services", source: api + "DescribeVpcEndpointServices, 2026-11", limit: "every endpoint service that is named is there, in all zones", do: func(t *testing.T, c *awsec2.Client) {
			const name = "com.amazonaws.eu-west-1.ecr.api"
			out, err := c.DescribeVpcEndpointServices(t.Context(), &awsec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{name}})
			if err != nil || len(out.ServiceDetails) != 1 || *out.ServiceDetails[0].ServiceName != name || len(out.ServiceDetails[0].AvailabilityZones) != 3 {
				t.Errorf("%+v, %v", out, err)
			}
		}},
		{name: "subnets, before anybody has looked for their VPC", source: "Amazon VPC User Guide, Default VPC components, 2026-11", do: func(t *testing.T, c *awsec2.Client) {
			for value, want := range map[string]int{"true": 3, "false": 0} {
				out, err := c.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{Filters: []types.Filter{filter("map-public-ip-on-launch", value)}})
				if err != nil || len(out.Subnets) != want {
					t.Errorf("%s: %+v, %v", value, out, err)
				}
			}
		}},
		{name: "internet gateway", source: api + "DescribeInternetGateways, 2026-11", do: func(t *testing.T, c *awsec2.Client) {
			out, err := c.DescribeInternetGateways(t.Context(), &awsec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", "vpc-*")}})
			if err != nil || len(out.InternetGateways) != 1 || len(out.InternetGateways[0].Attachments) != 1 {
				t.Errorf("%+v, %v", out, err)
			}
		}},
		{name: "no NAT gateway", source: api + "DescribeNatGateways, 2026-11", do: func(t *testing.T, c *awsec2.Client) {
			if out, err := c.DescribeNatGateways(t.Context(), &awsec2.DescribeNatGatewaysInput{}); err != nil || len(out.NatGateways) != 0 {
				t.Errorf("%+v, %v", out, err)
			}
		}},
		{name: "wildcards", source: "Amazon EC2 User Guide, Find your Amazon EC2 resources, filter considerations, 2026-11", do: func(t *testing.T, c *awsec2.Client) {
			for value, want := range map[string]int{"172.31.*": 1, "172.31.?.?/16": 1, "*": 1, "172": 0, "*.32.*": 0, `172.31.\*`: 0, "*/1?": 1} {
				out, err := c.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{Filters: []types.Filter{filter("cidr", value)}})
				if err != nil || len(out.Vpcs) != want {
					t.Errorf("%s: %+v, %v", value, out, err)
				}
			}
		}},
		{name: "security group by name", source: api + "DescribeSecurityGroups, 2026-11", do: func(t *testing.T, c *awsec2.Client) {
			vpcs, err := c.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
			if err != nil || len(vpcs.Vpcs) != 1 {
				t.Fatalf("%+v, %v", vpcs, err)
			}
			out, err := c.DescribeSecurityGroups(t.Context(), &awsec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
				filter("vpc-id", *vpcs.Vpcs[0].VpcId), filter("group-name", "default")}})
			if err != nil || len(out.SecurityGroups) != 1 || len(out.SecurityGroups[0].IpPermissionsEgress) != 1 {
				t.Errorf("%+v, %v", out, err)
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.do(t, newWorld(t).client) })
	}
}

// defaultVPC looks up a VPC as the CDK does, which takes a subnet for public whose route table leads to a gateway.
func defaultVPC(t *testing.T, c *awsec2.Client) {
	ctx := t.Context()
	vpcs, err := c.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{Filters: []types.Filter{filter("isDefault", "true")}})
	if err != nil || len(vpcs.Vpcs) != 1 || !*vpcs.Vpcs[0].IsDefault || *vpcs.Vpcs[0].CidrBlock != "172.31.0.0/16" {
		t.Fatalf("default VPCs %+v, %v", vpcs, err)
	}
	again, err := c.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{})
	if err != nil || len(again.Vpcs) != 1 || *again.Vpcs[0].VpcId != *vpcs.Vpcs[0].VpcId {
		t.Errorf("all VPCs %+v, %v", again, err)
	}
	of := []types.Filter{filter("vpc-id", *vpcs.Vpcs[0].VpcId)}
	subnets, err := c.DescribeSubnets(ctx, &awsec2.DescribeSubnetsInput{Filters: of})
	if err != nil || len(subnets.Subnets) != 3 {
		t.Fatalf("subnets %+v, %v", subnets, err)
	}
	var ranges []string
	for _, s := range subnets.Subnets {
		ranges = append(ranges, *s.AvailabilityZone+" "+*s.CidrBlock)
		if !*s.MapPublicIpOnLaunch {
			t.Errorf("subnet %s is not public", *s.SubnetId)
		}
	}
	slices.Sort(ranges)
	if want := []string{"eu-west-1a 172.31.0.0/20", "eu-west-1b 172.31.16.0/20", "eu-west-1c 172.31.32.0/20"}; !slices.Equal(ranges, want) {
		t.Errorf("subnets are %v, want %v", ranges, want)
	}
	tables, err := c.DescribeRouteTables(ctx, &awsec2.DescribeRouteTablesInput{Filters: of})
	if err != nil || len(tables.RouteTables) != 1 || !*tables.RouteTables[0].Associations[0].Main {
		t.Fatalf("tables %+v, %v", tables, err)
	}
	if !slices.ContainsFunc(tables.RouteTables[0].Routes, func(r types.Route) bool {
		return *r.DestinationCidrBlock == "0.0.0.0/0" && strings.HasPrefix(*r.GatewayId, "igw-")
	}) {
		t.Errorf("no route leads out: %+v", tables.RouteTables[0].Routes)
	}
	other, err := c.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{Filters: []types.Filter{filter("isDefault", "false")}})
	if err != nil || len(other.Vpcs) != 0 {
		t.Errorf("other VPCs %+v, %v", other, err)
	}
}

func machineImage(t *testing.T, c *awsec2.Client) {
	find := func(name string) types.Image {
		out, err := c.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{Owners: []string{"amazon"}, Filters: []types.Filter{filter("name", name), filter("architecture", "arm64")}})
		if err != nil || len(out.Images) != 1 || out.Images[0].Architecture != types.ArchitectureValuesArm64 || *out.Images[0].CreationDate == "" {
			t.Fatalf("%+v, %v", out, err)
		}
		return out.Images[0]
	}
	first := find("al2023-*")
	if again := find("al2023-*"); *again.ImageId != *first.ImageId || !strings.HasPrefix(*first.ImageId, "ami-0") {
		t.Errorf("%s, then %s", *first.ImageId, *again.ImageId)
	}
	if other := find("ubuntu-*"); *other.ImageId == *first.ImageId {
		t.Error("two images have one identifier")
	}
	out, err := c.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{ImageIds: []string{"ami-1"}})
	if err != nil || len(out.Images) != 1 || *out.Images[0].ImageId != "ami-1" {
		t.Errorf("%+v, %v", out, err)
	}
}
