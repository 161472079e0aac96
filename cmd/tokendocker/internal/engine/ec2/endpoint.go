package ec2

import (
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func isInterface(t thing) bool { return t.text("VpcEndpointType") == "Interface" }

func checkEndpoint(r *Room, t thing) error {
	if err := checkInVPC(r, t); err != nil {
		return err
	}
	for _, id := range t.texts("SubnetIds") {
		if err := r.need(t.Region, id, "InvalidSubnetId.NotFound", "subnet ID"); err != nil {
			return err
		}
	}
	for _, id := range t.texts("SecurityGroupIds") {
		if err := r.need(t.Region, id, "InvalidGroup.NotFound", "security group"); err != nil {
			return err
		}
	}
	for _, id := range t.texts("RouteTableIds") {
		if err := r.need(t.Region, id, "InvalidRouteTableId.NotFound", "routeTable ID"); err != nil {
			return err
		}
	}
	vpc, p := r.find(t.Region, t.VPC)
	if named := vpc.flag("EnableDnsHostnames") && vpc.text("EnableDnsSupport") != "false"; t.flag("PrivateDnsEnabled") && p == here && !named {
		return protocol.Errorf("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", t.VPC)
	}
	return nil
}

// madeInterfaces are the network interfaces of a gateway or an endpoint, one in each of its subnets.
func madeInterfaces(r *Room, t thing) []thing {
	subnets := t.texts("SubnetIds")
	if id := t.text("SubnetId"); id != "" {
		subnets = append(subnets, id)
	}
	groups, _ := t.Properties["SecurityGroupIds"].([]any)
	if t.Kind == kindEndpoint && len(groups) == 0 && len(subnets) > 0 {
		for _, g := range r.all(t.Region, kindGroup, func(o thing) bool { return o.Owner == t.VPC }) {
			groups = []any{g.ID}
		}
	}
	var out []thing
	for i, subnet := range subnets {
		out = append(out, thing{ID: r.identifier(t.Region, "eni-", t.ID, strconv.Itoa(i)), Kind: kindInterface, Region: t.Region, VPC: t.VPC,
			Owner: t.ID, Ready: t.Ready, Properties: map[string]any{"SubnetId": subnet, "GroupSet": groups, "Description": "of " + t.ID}})
	}
	return out
}

func attributesEndpoint(r *Room, t thing) map[string]any {
	interfaces, names := []any{}, []any{}
	for _, o := range r.owned(t) {
		interfaces = append(interfaces, o.ID)
	}
	if isInterface(t) {
		service := t.text("ServiceName")
		names = append(names, r.identifier(t.Region, "Z", t.ID)+":"+t.ID+"."+service[strings.LastIndexByte(service, '.')+1:]+"."+t.Region+".vpce."+r.Suffix)
	}
	return map[string]any{"NetworkInterfaceIds": interfaces, "DnsEntries": names, "CreationTimestamp": t.Ready.UTC().Format(time.RFC3339)}
}
