/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/net.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/params.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE_LIMIT_US 10000000

/* The first that is a device, unlike lo, sit0 and their like. */
static bool find_device(char name[static IFNAMSIZ])
{
	bool found = false;
	DIR *d = opendir("/sys/class/net");
	struct dirent *de;
	while (d && !found && (de = readdir(d))) {
		auto_free char *device = xasprintf("/sys/class/net/%s/device", de->d_name);
		found = de->d_name[0] != '.' && access(device, F_OK) == 0 &&
			strlen(de->d_name) < IFNAMSIZ;
		if (found)
			memcpy(name, de->d_name, strlen(de->d_name) + 1);
	}
	if (d)
		(void)closedir(d); /* only read */
	return found;
}

static void set_address(struct sockaddr *sa, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };
	memcpy(sa, &in, sizeof in);
}

static int set(int s, unsigned long what, const char *name, uint32_t address, struct err *e)
{
	struct ifreq r = { 0 };
	memcpy(r.ifr_name, name, strlen(name));
	set_address(&r.ifr_addr, address);
	return ioctl(s, what, &r) < 0 ? err_sys(e, "%s", name) : 0;
}

static int bring_up(int s, const char *name, struct err *e)
{
	struct ifreq r = { .ifr_flags = IFF_UP | IFF_RUNNING };
	memcpy(r.ifr_name, name, strlen(name));
	return ioctl(s, SIOCSIFFLAGS, &r) < 0 ? err_sys(e, "bring %s up", name) : 0;
}

static int set_route(int s, uint32_t gateway, struct err *e)
{
	struct rtentry r = { .rt_flags = RTF_UP | RTF_GATEWAY };
	set_address(&r.rt_dst, INADDR_ANY);
	set_address(&r.rt_genmask, INADDR_ANY);
	set_address(&r.rt_gateway, gateway);
	return ioctl(s, SIOCADDRT, &r) < 0 && errno != EEXIST ? err_sys(e, "default route") : 0;
}

static int write_resolver(uint32_t dns, struct err *e)
{
	char text[INET_ADDRSTRLEN];
	auto_buf struct buf b = { 0 };
	const struct in_addr in = { .s_addr = dns };
	buf_addf(&b, "nameserver %s\n", inet_ntop(AF_INET, &in, text, sizeof text));
	(void)unlink("/etc/resolv.conf"); /* it may be a link to where nothing is */
	return file_replace("/etc/resolv.conf", b.s, b.len, 0644, e);
}

int net_set_up(const struct params *p, struct err *e)
{
	char name[IFNAMSIZ];
	uint64_t until = clock_mono_us() + DEVICE_LIMIT_US;
	while (!find_device(name)) {
		if (clock_mono_us() >= until)
			return err_set(e, ENODEV, "no network device");
		(void)poll(NULL, 0, 10);
	}
	auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return err_sys(e, "socket");
	int rc = set(s, SIOCSIFADDR, name, p->net.address, e);
	if (rc == 0)
		rc = set(s, SIOCSIFNETMASK, name, p->net.mask, e);
	if (rc == 0)
		rc = bring_up(s, name, e);
	if (rc == 0)
		rc = set_route(s, p->net.gateway, e);
	return rc < 0 ? rc : write_resolver(p->net.dns, e);
}
