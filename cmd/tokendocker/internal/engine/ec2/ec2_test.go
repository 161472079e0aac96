package ec2_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// What is slow to make takes the switch's time, and works from then on.
func TestSlowThings(t *testing.T) {
	w := newWorld(t)
	w.switches.NetworkDelay = 10 * time.Minute
	before := w.Clock.Now()
	w.create(slices.DeleteFunc(whole(), named("Nat", "PrivateRoute"))...)
	if took := w.Clock.Since(before); took > 5*time.Minute {
		t.Errorf("without the gateway it took %v", took)
	}
	before = w.Clock.Now()
	w.create(nat)
	if took := w.Clock.Since(before); took < 10*time.Minute {
		t.Errorf("the gateway took %v", took)
	}
}

// The same operation, tried again, makes one thing; another one makes another.
func TestRepeatedCreate(t *testing.T) {
	w := newWorld(t)
	w.create(vpc)
	first := w.made["Vpc"].PhysicalID
	w.create(vpc)
	if again := w.made["Vpc"].PhysicalID; again != first || !strings.HasPrefix(first, "vpc-0") {
		t.Errorf("%s, then %s", first, again)
	}
	replacement := w.request(vpc)
	replacement.Token = "update"
	other, err := w.provider("VPC").Create(t.Context(), replacement)
	if err != nil || other.PhysicalID == first {
		t.Errorf("a replacement is %s (%v)", other.PhysicalID, err)
	}
}

// A group whose rules change has the new ones only.
func TestChangedRules(t *testing.T) {
	w := newWorld(t)
	w.create(isolated()...)
	w.create(registry)
	reaches := func() bool {
		return len(w.room.Unreachable("eu-west-1", w.made["Private"].PhysicalID, []string{w.made["Group"].PhysicalID}, []string{"ecr.api"})) == 0
	}
	if !reaches() {
		t.Fatal("the endpoint does not answer")
	}
	if _, err := w.provider("SecurityGroup").Update(t.Context(), w.request(open.changed(map[string]any{"SecurityGroupIngress": nil}))); err != nil {
		t.Fatal(err)
	}
	if reaches() {
		t.Error("the endpoint answers although its group lets nobody in any more")
	}
	_, err := w.provider("SecurityGroup").Update(t.Context(), resource.Request{Stack: w.request(open).Stack, PhysicalID: "sg-1"})
	wantCode(t, err, "InvalidID.NotFound")
}

// An interface of a build keeps its subnet and its group until it is gone.
func TestInterfaces(t *testing.T) {
	w := newWorld(t)
	w.create(isolated()...)
	subnet, own := w.made["Private"].PhysicalID, w.made["Group"].PhysicalID
	id, err := w.room.Attach("eu-west-1", subnet, []string{own}, "a build")
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.delete(group), "DependencyViolation")
	out, err := w.client.DescribeNetworkInterfaces(t.Context(), &awsec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{{Name: aws.String("subnet-id"), Values: []string{subnet}}}})
	if err != nil || len(out.NetworkInterfaces) != 1 || *out.NetworkInterfaces[0].NetworkInterfaceId != id || *out.NetworkInterfaces[0].Groups[0].GroupId != own {
		t.Errorf("interfaces %+v, %v", out, err)
	}
	if err := w.room.Detach("eu-west-1", id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.delete(group), "")
	_, err = w.room.Attach("eu-west-1", subnet, []string{own}, "a build")
	wantCode(t, err, "InvalidGroup.NotFound")
	wantCode(t, w.room.Check("eu-west-1", w.made["Vpc"].PhysicalID, []string{subnet}, []string{own}), "InvalidGroup.NotFound")
	wantCode(t, w.room.Check("eu-west-1", "vpc-1", []string{subnet}, nil), "InvalidSubnetID.NotFound")
	wantCode(t, w.room.Check("eu-west-1", "vpc-1", []string{"subnet-1"}, []string{"sg-1"}), "")
}

// The calls of CDK's function for default security groups: it takes their rules away, and gives them back.
func TestDefaultGroup(t *testing.T) {
	w := newWorld(t)
	w.create(vpc)
	id, _ := w.made["Vpc"].Attributes["DefaultSecurityGroup"].(string)
	in := []types.IpPermission{{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &id, UserId: aws.String("111122223333")}}}}
	out := []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	revoke := func() (error, error) {
		_, err := w.client.RevokeSecurityGroupIngress(t.Context(), &awsec2.RevokeSecurityGroupIngressInput{GroupId: &id, IpPermissions: in})
		_, err2 := w.client.RevokeSecurityGroupEgress(t.Context(), &awsec2.RevokeSecurityGroupEgressInput{GroupId: &id, IpPermissions: out})
		return err, err2
	}
	rules := func() int {
		groups, err := w.client.DescribeSecurityGroups(t.Context(), &awsec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
		if err != nil || len(groups.SecurityGroups) != 1 || *groups.SecurityGroups[0].GroupName != "default" {
			t.Fatalf("%+v, %v", groups, err)
		}
		return len(groups.SecurityGroups[0].IpPermissions) + len(groups.SecurityGroups[0].IpPermissionsEgress)
	}
	if n := rules(); n != 2 {
		t.Errorf("a new default group has %d rules", n)
	}
	if err, err2 := revoke(); err != nil || err2 != nil || rules() != 0 {
		t.Errorf("%v, %v; %d rules are left", err, err2, rules())
	}
	first, second := revoke()
	for _, err := range []error{first, second} {
		if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != "InvalidPermission.NotFound" {
			t.Errorf("rules that are gone: %v", err)
		}
	}
	_, err := w.client.AuthorizeSecurityGroupIngress(t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: in})
	_, err2 := w.client.AuthorizeSecurityGroupEgress(t.Context(), &awsec2.AuthorizeSecurityGroupEgressInput{GroupId: &id, IpPermissions: out})
	if err != nil || err2 != nil || rules() != 2 {
		t.Errorf("%v, %v; there are %d rules", err, err2, rules())
	}
	wantCode(t, w.delete(vpc), "")
}

// Only the group that a policy names can be changed.
func TestPermission(t *testing.T) {
	w := newWorld(t)
	w.create(vpc)
	id, _ := w.made["Vpc"].Attributes["DefaultSecurityGroup"].(string)
	rule := []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	for name, want := range map[string]string{id: "", "sg-other": "UnauthorizedOperation"} {
		role := w.Role(name, `{"Statement":{"Effect":"Allow","Action":"ec2:RevokeSecurityGroupEgress","Resource":"arn:aws:ec2:eu-west-1:111122223333:security-group/`+name+`"}}`)
		_, err := awsec2.NewFromConfig(w.Config(role)).RevokeSecurityGroupEgress(t.Context(), &awsec2.RevokeSecurityGroupEgressInput{GroupId: &id, IpPermissions: rule})
		api, got := smithy.APIError(nil), ""
		if errors.As(err, &api) {
			got = api.ErrorCode()
		}
		if got != want {
			t.Errorf("with a right on %s: %v, want %q", name, err, want)
		}
	}
}

// What is there can be looked at, by identifier, by filter and by tag.
func TestDescribe(t *testing.T) {
	w := newWorld(t)
	w.create(whole()...)
	w.create(registry)
	ctx := t.Context()
	vpcID, subnet := w.made["Vpc"].PhysicalID, w.made["Private"].PhysicalID
	vpcs, err := w.client.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{VpcIds: []string{vpcID}})
	if err != nil || len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].CidrBlock != "10.0.0.0/16" {
		t.Errorf("VPCs %+v, %v", vpcs, err)
	}
	subnets, err := w.client.DescribeSubnets(ctx, &awsec2.DescribeSubnetsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpcID}}, {Name: aws.String("tag:Name"), Values: []string{"inside", "x"}}}})
	if err != nil || len(subnets.Subnets) != 1 || *subnets.Subnets[0].SubnetId != subnet || *subnets.Subnets[0].AvailabilityZoneId != "euw1-az2" {
		t.Errorf("subnets %+v, %v", subnets, err)
	}
	tables, err := w.client.DescribeRouteTables(ctx, &awsec2.DescribeRouteTablesInput{Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnet}}}})
	if err != nil || len(tables.RouteTables) != 1 || len(tables.RouteTables[0].Routes) != 2 || *tables.RouteTables[0].Routes[1].NatGatewayId != w.made["Nat"].PhysicalID {
		t.Errorf("tables %+v, %v", tables, err)
	}
	tables, err = w.client.DescribeRouteTables(ctx, &awsec2.DescribeRouteTablesInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpcID}}}})
	main := func(t types.RouteTable) bool { return len(t.Associations) == 1 && *t.Associations[0].Main }
	if err != nil || len(tables.RouteTables) != 3 || !slices.ContainsFunc(tables.RouteTables, main) {
		t.Errorf("tables of the VPC %+v, %v", tables, err)
	}
	gateways, err := w.client.DescribeVpnGateways(ctx, &awsec2.DescribeVpnGatewaysInput{})
	if err != nil || len(gateways.VpnGateways) != 0 {
		t.Errorf("VPN gateways %+v, %v", gateways, err)
	}
	endpoints, err := w.client.DescribeVpcEndpoints(ctx, &awsec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{w.made["Registry"].PhysicalID}})
	if err != nil || len(endpoints.VpcEndpoints) != 1 || endpoints.VpcEndpoints[0].VpcEndpointType != types.VpcEndpointTypeInterface || len(endpoints.VpcEndpoints[0].SubnetIds) != 1 {
		t.Errorf("endpoints %+v, %v", endpoints, err)
	}
	zones, err := w.client.DescribeAvailabilityZones(ctx, &awsec2.DescribeAvailabilityZonesInput{})
	if err != nil || len(zones.AvailabilityZones) != 3 || *zones.AvailabilityZones[0].ZoneName != "eu-west-1a" {
		t.Errorf("zones %+v, %v", zones, err)
	}
	if _, err := w.client.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{VpcIds: []string{subnet}}); err == nil || !strings.Contains(err.Error(), "InvalidVpcID.NotFound") {
		t.Errorf("a subnet is no VPC: %v", err)
	}
	if _, err := w.client.DescribeVpcs(ctx, &awsec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("state")}}}); err == nil || !strings.Contains(err.Error(), "The filter 'state' is invalid") {
		t.Errorf("unknown filter: %v", err)
	}
	if _, err := w.client.RunInstances(ctx, &awsec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}); err == nil || !strings.Contains(err.Error(), "tokendocker has no ec2:RunInstances") {
		t.Errorf("a call that there is not: %v", err)
	}
}

func TestZoneID(t *testing.T) {
	for zone, want := range map[string]string{"us-east-1a": "use1-az1", "ap-southeast-2c": "apse2-az3", "us-gov-west-1b": "usgw1-az2", "cn-north-1a": "cnn1-az1", "": ""} {
		if got := ec2.ZoneID(zone); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}
