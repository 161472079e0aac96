package ec2

import (
	"net/netip"
	"slices"
	"strings"
)

// everywhere is the range of all addresses.
var everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// Unreachable returns those of AWS's services ("s3", "ecr.api", as endpoints name them) that an interface without a
// public address cannot reach over HTTPS from a subnet with these security groups: neither through a NAT gateway nor
// through an endpoint of the VPC. Targets of a route that it cannot look behind (an instance, another VPC, a transit
// gateway) count as a way out, and network ACLs as open.
// Sources: Amazon VPC User Guide, "Subnet routing" and "NAT gateway basics"; AWS PrivateLink Guide, "Access an AWS
// service using an interface VPC endpoint" and "Gateway endpoints".
func (r *Room) Unreachable(region, subnet string, groups, services []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, p := r.find(region, subnet)
	if p != here {
		return nil
	}
	table, known := r.tableOf(s)
	open := r.permits(region, kindEgress, groups, everywhere, nil)
	if !known || open && r.outward(table) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(services), func(service string) bool {
		return slices.ContainsFunc(r.endpoints(s, service), func(e thing) bool {
			if isInterface(e) {
				return r.throughInterface(e, s, groups)
			}
			return open && slices.Contains(e.texts("RouteTableIds"), table.ID)
		})
	})
}

// tableOf returns the route table of a subnet: its own, or the VPC's main one.
func (r *Room) tableOf(subnet thing) (thing, bool) {
	for _, a := range r.all(subnet.Region, kindAssociation, func(o thing) bool { return o.text("SubnetId") == subnet.ID }) {
		t, p := r.find(subnet.Region, a.text("RouteTableId"))
		return t, p == here
	}
	for _, t := range r.all(subnet.Region, kindTable, func(o thing) bool { return o.Owner == subnet.VPC }) {
		return t, true
	}
	return thing{}, false
}

// outward reports whether a table's default route leads out for an interface without a public address.
func (r *Room) outward(table thing) bool {
	route, p := r.find(table.Region, table.ID+"|"+everywhere.String())
	if p != here {
		return false
	}
	if strings.HasPrefix(route.text("GatewayId"), "igw-") {
		return false // the answer would find no address to come back to
	}
	id := route.text("NatGatewayId")
	if id == "" {
		return true
	}
	nat, p := r.find(table.Region, id)
	switch {
	case p == foreign:
		return true
	case p == gone, nat.Ready.After(r.Clock.Now()), nat.text("ConnectivityType") == "private":
		return false
	}
	subnet, p := r.find(table.Region, nat.text("SubnetId"))
	if p != here {
		return true
	}
	public, known := r.tableOf(subnet)
	if !known {
		return true
	}
	out, p := r.find(table.Region, public.ID+"|"+everywhere.String())
	return p == here && out.text("GatewayId") != "" && out.text("GatewayId") == r.internet(table.Region, subnet.VPC)
}

// endpoints returns the endpoints of a service that work in a subnet's VPC.
func (r *Room) endpoints(subnet thing, service string) []thing {
	return r.all(subnet.Region, kindEndpoint, func(o thing) bool {
		return o.VPC == subnet.VPC && !o.Ready.After(r.Clock.Now()) && strings.HasSuffix(o.text("ServiceName"), "."+subnet.Region+"."+service)
	})
}

// throughInterface reports whether an interface endpoint answers to the service's own name, and whether security groups
// on both sides let the call through.
func (r *Room) throughInterface(endpoint, from thing, groups []string) bool {
	if !endpoint.flag("PrivateDnsEnabled") {
		return false
	}
	source, err := netip.ParsePrefix(from.text("CidrBlock"))
	if err != nil {
		source = everywhere
	}
	for _, i := range r.owned(endpoint) {
		own := i.texts("GroupSet")
		subnet, _ := r.find(i.Region, i.text("SubnetId"))
		target, err := netip.ParsePrefix(subnet.text("CidrBlock"))
		if err != nil {
			target = everywhere
		}
		if r.permits(i.Region, kindEgress, groups, target, own) && r.permits(i.Region, kindIngress, own, source, groups) {
			return true
		}
	}
	return false
}
