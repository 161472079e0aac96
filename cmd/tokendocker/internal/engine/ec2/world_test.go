package ec2_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// quick is how many times faster the tests' time runs: a minute of CloudFormation's patience takes 50 milliseconds.
const quick = 1200

// world is EC2 behind a real door, and the resources of one stack by logical id.
type world struct {
	*doortest.Front
	t        *testing.T
	room     *ec2.Room
	switches *switches.Switches
	client   *awsec2.Client
	made     map[string]resource.Result
}

// entry is a resource of a template. "@ID" in its properties stands for another's identifier, "@ID.Name" for its attribute.
type entry struct {
	id, kind   string // without AWS::EC2::
	properties map[string]any
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Front: doortest.New(t, quick), t: t, switches: &switches.Switches{}, made: map[string]resource.Result{}}
	var err error
	w.room, err = ec2.New(ec2.Options{Account: doortest.Account, Partition: doortest.Partition, Suffix: "amazonaws.com", Clock: w.Clock,
		Store: doortest.Store(t), Switches: w.switches})
	if err != nil {
		t.Fatal(err)
	}
	w.Register(w.room)
	w.client = awsec2.NewFromConfig(w.Config(w.Operator))
	return w
}

func (w *world) request(e entry) resource.Request {
	properties, _ := w.resolve(e.properties).(map[string]any)
	return resource.Request{Type: "AWS::EC2::" + e.kind, LogicalID: e.id, PhysicalID: w.made[e.id].PhysicalID, Properties: properties, Token: "create",
		Stack: resource.Stack{ID: "stack/1", Name: "Shop", Account: doortest.Account, Region: doortest.Region, Partition: doortest.Partition}}
}

// resolve puts identifiers and attributes in the place of references.
func (w *world) resolve(v any) any {
	switch v := v.(type) {
	case string:
		id, attribute, of := strings.Cut(strings.TrimPrefix(v, "@"), ".")
		switch {
		case !strings.HasPrefix(v, "@"):
			return v
		case of:
			return w.made[id].Attributes[attribute]
		}
		return w.made[id].PhysicalID
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = w.resolve(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name := range v {
			out[name] = w.resolve(v[name])
		}
		return out
	}
	return v
}

func (w *world) provider(kind string) resource.Provider { return w.room.Resources()["AWS::EC2::"+kind] }

// try creates resources in their order, up to the first that fails.
func (w *world) try(ctx context.Context, entries ...entry) error {
	for _, e := range entries {
		result, err := w.provider(e.kind).Create(ctx, w.request(e))
		w.made[e.id] = result
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) create(entries ...entry) {
	w.t.Helper()
	if err := w.try(w.t.Context(), entries...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) delete(e entry) error { return w.provider(e.kind).Delete(w.t.Context(), w.request(e)) }

// changed is an entry with other properties.
func (e entry) changed(changes map[string]any) entry {
	e.properties = maps.Clone(e.properties)
	maps.Copy(e.properties, changes)
	return e
}

// wantCode fails the test if an error has another code; "" means none.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		got = e.Code
	} else if err != nil {
		got = err.Error()
	}
	if got != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

// begin creates something without waiting until it works.
func (w *world) begin(e entry) {
	w.t.Helper()
	w.switches.NetworkDelay = 24 * time.Hour
	ctx, cancel := context.WithCancel(w.t.Context())
	cancel()
	if err := w.try(ctx, e); !errors.Is(err, context.Canceled) {
		w.t.Fatalf("%s did not wait: %v", e.id, err)
	}
}

// The parts of a network with a public and a private subnet.
var (
	vpc     = entry{"Vpc", "VPC", map[string]any{"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": true, "EnableDnsSupport": "true"}}
	public  = entry{"Public", "Subnet", map[string]any{"VpcId": "@Vpc", "CidrBlock": "10.0.0.0/24", "MapPublicIpOnLaunch": true}}
	private = entry{"Private", "Subnet", map[string]any{"VpcId": "@Vpc", "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-west-1b",
		"Tags": []any{map[string]any{"Key": "Name", "Value": "inside"}}}}
	publicTable  = entry{"PublicTable", "RouteTable", map[string]any{"VpcId": "@Vpc"}}
	privateTable = entry{"PrivateTable", "RouteTable", map[string]any{"VpcId": "@Vpc"}}
	publicSide   = entry{"PublicSide", "SubnetRouteTableAssociation", map[string]any{"SubnetId": "@Public", "RouteTableId": "@PublicTable"}}
	privateSide  = entry{"PrivateSide", "SubnetRouteTableAssociation", map[string]any{"SubnetId": "@Private", "RouteTableId": "@PrivateTable"}}
	internet     = entry{"Internet", "InternetGateway", nil}
	attached     = entry{"Attached", "VPCGatewayAttachment", map[string]any{"VpcId": "@Vpc", "InternetGatewayId": "@Internet"}}
	publicRoute  = entry{"PublicRoute", "Route", map[string]any{"RouteTableId": "@PublicTable", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "@Internet"}}
	address      = entry{"Address", "EIP", map[string]any{"Domain": "vpc"}}
	nat          = entry{"Nat", "NatGateway", map[string]any{"SubnetId": "@Public", "AllocationId": "@Address.AllocationId"}}
	privateRoute = entry{"PrivateRoute", "Route", map[string]any{"RouteTableId": "@PrivateTable", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "@Nat"}}
	group        = entry{"Group", "SecurityGroup", map[string]any{"VpcId": "@Vpc", "GroupDescription": "builds"}}
	closed       = entry{"Closed", "SecurityGroup", map[string]any{"VpcId": "@Vpc", "GroupDescription": "nothing goes out",
		"SecurityGroupEgress": []any{map[string]any{"CidrIp": "255.255.255.255/32", "IpProtocol": "icmp", "FromPort": "252", "ToPort": "86"}}}}
	open = entry{"Open", "SecurityGroup", map[string]any{"VpcId": "@Vpc", "GroupDescription": "of endpoints",
		"SecurityGroupIngress": []any{map[string]any{"CidrIp": "@Vpc.CidrBlock", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}}}}
	storage = entry{"Storage", "VPCEndpoint", map[string]any{"VpcId": "@Vpc", "ServiceName": "com.amazonaws.eu-west-1.s3",
		"VpcEndpointType": "Gateway", "RouteTableIds": []any{"@PrivateTable"}}}
	registry = entry{"Registry", "VPCEndpoint", map[string]any{"VpcId": "@Vpc", "ServiceName": "com.amazonaws.eu-west-1.ecr.api",
		"VpcEndpointType": "Interface", "PrivateDnsEnabled": true, "SubnetIds": []any{"@Private"}, "SecurityGroupIds": []any{"@Open"}}}
)

// isolated is a network whose private subnet has no way out; whole is one with a NAT gateway.
func isolated() []entry {
	return []entry{vpc, public, private, publicTable, privateTable, publicSide, privateSide, group, closed, open}
}

func whole() []entry {
	return append(isolated(), internet, attached, publicRoute, address, nat, privateRoute)
}
