package ec2_test

import (
	"slices"
	"testing"
)

// TestReachCases: which services an interface without a public address reaches over HTTPS.
func TestReachCases(t *testing.T) {
	const (
		subnets   = "Amazon VPC User Guide, Subnet route tables, 2026-11"
		gateways  = "Amazon VPC User Guide, NAT gateways, 2026-11"
		rules     = "Amazon VPC User Guide, Control traffic to your AWS resources using security groups, 2026-11"
		endpoints = "AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint, 2026-11"
		gateway   = "AWS PrivateLink Guide, Gateway endpoints, 2026-11"
	)
	services := []string{"s3", "ecr.api", "logs"}
	cases := []struct {
		name, source, limit string
		network             []entry
		unfinished          *entry // made last, and not waited for
		subnet, group       string // logical ids; empty: Private and Group
		want                []string
	}{
		{name: "NAT gateway", source: gateways, network: whole()},
		{name: "NAT gateway that is not ready", source: gateways, network: slices.DeleteFunc(whole(), named("Nat", "PrivateRoute")), unfinished: &nat, want: services},
		{name: "private NAT gateway", source: gateways, want: services,
			network: replaced(whole(), nat.changed(map[string]any{"ConnectivityType": "private", "AllocationId": ""}))},
		{name: "NAT gateway in a subnet without internet", source: gateways, network: slices.DeleteFunc(whole(), named("PublicRoute")), want: services},
		{name: "public subnet", source: subnets, network: whole(), subnet: "Public", want: services},
		{name: "no route", source: subnets, network: isolated(), want: services},
		{name: "main route table", source: subnets, network: slices.DeleteFunc(whole(), named("PrivateSide")), want: services},
		{name: "transit gateway", source: subnets, limit: "what lies behind other gateways, instances and networks is not looked at; they count as ways out",
			network: append(isolated(), entry{"Transit", "Route", map[string]any{"RouteTableId": "@PrivateTable", "DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1"}})},
		{name: "network ACL", source: "Amazon VPC User Guide, Network ACLs, 2026-11", limit: "network ACLs count as open", network: whole()},
		{name: "subnet of the account's", source: subnets, limit: "a rehearsal has no account to ask: what no stack of it made is there and reaches everything", network: whole(), subnet: "subnet-1"},
		{name: "group that lets nothing out", source: rules, network: whole(), group: "Closed", want: services},
		{name: "group of the account's", source: rules, limit: "a rehearsal has no account to ask: what no stack of it made is there and lets everything through", network: whole(), group: "sg-1"},
		{name: "gateway endpoint", source: gateway, network: append(isolated(), storage), want: []string{"ecr.api", "logs"}},
		{name: "gateway endpoint of another table", source: gateway, want: services,
			network: append(isolated(), storage.changed(map[string]any{"RouteTableIds": []any{"@PublicTable"}}))},
		{name: "interface endpoint", source: endpoints, network: append(isolated(), registry), want: []string{"s3", "logs"}},
		{name: "interface endpoint that is not ready", source: endpoints, network: isolated(), unfinished: &registry, want: services},
		{name: "interface endpoint without names", source: endpoints, want: services,
			network: append(isolated(), registry.changed(map[string]any{"PrivateDnsEnabled": false}))},
		{name: "interface endpoint whose group is closed", source: endpoints, want: services,
			network: append(isolated(), registry.changed(map[string]any{"SecurityGroupIds": []any{"@Group"}}))},
		{name: "interface endpoint in the default group", source: endpoints, want: services,
			network: append(isolated(), registry.changed(map[string]any{"SecurityGroupIds": nil}))},
		{name: "interface endpoint, and a group that lets nothing out", source: endpoints, network: append(isolated(), registry), group: "Closed", want: services},
		{name: "interface endpoint that a rule leads to", source: rules, group: "Closed", want: []string{"s3", "logs"},
			network: append(isolated(), registry, entry{"Rule", "SecurityGroupEgress", map[string]any{"GroupId": "@Closed", "DestinationSecurityGroupId": "@Open",
				"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(c.network...)
			if c.unfinished != nil {
				w.begin(*c.unfinished)
				if c.unfinished.id == "Nat" {
					w.create(privateRoute)
				}
			}
			physical := func(id, otherwise string) string {
				if id == "" {
					id = otherwise
				}
				if made := w.made[id].PhysicalID; made != "" {
					return made
				}
				return id
			}
			got := w.room.Unreachable("eu-west-1", physical(c.subnet, "Private"), []string{physical(c.group, "Group")}, services)
			if !slices.Equal(got, c.want) {
				t.Errorf("unreachable are %v, want %v (%s)", got, c.want, c.source)
			}
		})
	}
}

func named(ids ...string) func(entry) bool {
	return func(e entry) bool { return slices.Contains(ids, e.id) }
}

// replaced returns entries with another one in the place of that of the same id.
func replaced(entries []entry, with entry) []entry {
	entries[slices.IndexFunc(entries, named(with.id))] = with
	return entries
}

// TestCreateCases: what cannot be made fails with EC2's code.
func TestCreateCases(t *testing.T) {
	const (
		errors = "Amazon EC2 API Reference, Error codes for the Amazon EC2 API, 2026-11"
		blocks = "Amazon VPC User Guide, VPC CIDR blocks, 2026-11"
	)
	cases := []struct {
		name, source, limit string
		network             []entry
		gone                []entry // of it, deleted again in this order
		last                entry
		want                string
	}{
		{name: "range too wide", source: blocks, last: vpc.changed(map[string]any{"CidrBlock": "10.0.0.0/8"}), want: "InvalidVpc.Range"},
		{name: "range with host bits", source: blocks, last: vpc.changed(map[string]any{"CidrBlock": "10.0.0.1/16"}), want: "InvalidVpc.Range"},
		{name: "subnet outside", source: blocks, network: []entry{vpc}, last: private.changed(map[string]any{"CidrBlock": "10.1.0.0/24"}), want: "InvalidSubnet.Range"},
		{name: "subnet in a second range", source: blocks, last: private.changed(map[string]any{"CidrBlock": "10.1.0.0/24"}),
			network: []entry{vpc, {"More", "VPCCidrBlock", map[string]any{"VpcId": "@Vpc", "CidrBlock": "10.1.0.0/16"}}}},
		{name: "subnets that overlap", source: blocks, network: []entry{vpc, public}, last: private.changed(map[string]any{"CidrBlock": "10.0.0.128/25"}), want: "InvalidSubnet.Conflict"},
		{name: "zone of another region", source: errors, network: []entry{vpc}, last: private.changed(map[string]any{"AvailabilityZone": "us-east-1a"}), want: "InvalidParameterValue"},
		{name: "subnet of a VPC that is gone", source: errors, network: []entry{vpc}, gone: []entry{vpc}, last: private, want: "InvalidVpcID.NotFound"},
		{name: "NAT gateway without internet", source: errors, network: []entry{vpc, public, address}, last: nat, want: "Gateway.NotAttached"},
		{name: "second internet gateway", source: errors, network: []entry{vpc, internet, attached, {"Other", "InternetGateway", nil}},
			last: entry{"Again", "VPCGatewayAttachment", map[string]any{"VpcId": "@Vpc", "InternetGatewayId": "@Other"}}, want: "InvalidParameterValue"},
		{name: "route to a gateway that is not attached", source: errors, network: []entry{vpc, publicTable, internet}, last: publicRoute, want: "InvalidParameterValue"},
		{name: "same route", source: errors, network: whole(), last: entry{"Twice", "Route", privateRoute.properties}, want: "RouteAlreadyExists"},
		{name: "second table of a subnet", source: errors, network: isolated(),
			last: entry{"Twice", "SubnetRouteTableAssociation", map[string]any{"SubnetId": "@Private", "RouteTableId": "@PublicTable"}}, want: "Resource.AlreadyAssociated"},
		{name: "group without a network", source: errors, last: group.changed(map[string]any{"VpcId": nil}), want: "VPCIdNotSpecified"},
		{name: "group of the same name", source: errors, network: []entry{vpc, group.changed(map[string]any{"GroupName": "builds"})},
			last: entry{"Twice", "SecurityGroup", map[string]any{"VpcId": "@Vpc", "GroupName": "builds"}}, want: "InvalidGroup.Duplicate"},
		{name: "same rule", source: errors, network: []entry{vpc, open}, last: entry{"Twice", "SecurityGroupIngress", map[string]any{"GroupId": "@Open",
			"CidrIp": "10.0.0.0/16", "IpProtocol": "tcp", "FromPort": "443", "ToPort": "443"}}, want: "InvalidPermission.Duplicate"},
		{name: "private names where the VPC has none", source: "AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint, 2026-11", last: registry, want: "InvalidParameter",
			network: replaced(isolated(), vpc.changed(map[string]any{"EnableDnsHostnames": false}))},
		{name: "VPN gateway", source: "Amazon EC2 API Reference, DescribeVpnGateways, 2026-11", limit: "there are no virtual private gateways",
			network: []entry{vpc, {"Vpn", "VPCGatewayAttachment", map[string]any{"VpcId": "@Vpc", "VpnGatewayId": "vgw-1"}}}, last: private},
		{name: "VPC of the account's", source: errors, limit: "a rehearsal has no account to ask: what no stack of it made is there", last: private.changed(map[string]any{"VpcId": "vpc-1"})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(c.network...)
			for _, e := range c.gone {
				wantCode(t, w.delete(e), "")
			}
			wantCode(t, w.try(t.Context(), c.last), c.want)
		})
	}
}

// TestDeleteCases: what is used stays; CloudFormation tries for a while, and what is used no longer goes.
func TestDeleteCases(t *testing.T) {
	const source = "Amazon EC2 API Reference, Error codes, DependencyViolation, 2026-11"
	cases := []struct {
		name, source, limit string
		gone                []entry // first
		last                entry
		want                string
	}{
		{name: "VPC with subnets", source: source, last: vpc, want: "DependencyViolation"},
		{name: "subnet with a NAT gateway", source: source, last: public, want: "DependencyViolation"},
		{name: "subnet", source: source, last: public, gone: []entry{privateRoute, nat}},
		{name: "table of a subnet", source: source, last: privateTable, want: "DependencyViolation"},
		{name: "table", source: source, last: privateTable, gone: []entry{privateSide}},
		{name: "attached internet gateway", source: source, last: internet, want: "DependencyViolation"},
		{name: "internet gateway of a NAT gateway", source: source, last: attached, want: "DependencyViolation"},
		{name: "address of a NAT gateway", source: source, last: address, want: "DependencyViolation"},
		{name: "group of an endpoint", source: source, last: open, want: "DependencyViolation"},
		{name: "group", source: source, last: open, gone: []entry{registry}},
		{name: "twice", source: source, last: open, gone: []entry{registry, open}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(append(whole(), registry)...)
			for _, e := range c.gone {
				wantCode(t, w.delete(e), "")
			}
			wantCode(t, w.delete(c.last), c.want)
		})
	}
	t.Run("everything", func(t *testing.T) {
		w := newWorld(t)
		all := append(whole(), registry)
		w.create(all...)
		for _, e := range slices.Backward(all) {
			wantCode(t, w.delete(e), "")
		}
	})
}
