// SPDX-License-Identifier: GPL-2.0-or-later
// What a page of fsqa can do beyond being read: play a recording in place, jump to a marker in
// it, copy the command. Without this script every link still leads to the recording or log itself.
// A page opened from file:// may not fetch, so recordings come as scripts that call fsqaCast.
(function () {
	"use strict";

	var assets = new URL(".", document.currentScript.src);
	var casts = {};   // name -> text of the recording
	var pending = {}; // name -> promise
	var open = null;  // what the dialog shows

	window.fsqaCast = function (name, text) {
		casts[name] = text;
	};

	function element(tag, attributes, children) {
		var e = document.createElement(tag);
		Object.keys(attributes || {}).forEach(function (k) {
			e.setAttribute(k, attributes[k]);
		});
		(children || []).forEach(function (c) {
			e.append(c);
		});
		return e;
	}

	function load(url) {
		var key = String(url);
		if (!pending[key]) {
			pending[key] = new Promise(function (done, failed) {
				var s = element("script", { src: key });
				s.onload = done;
				s.onerror = function () {
					delete pending[key];
					s.remove();
					failed(new Error(key + " could not be loaded"));
				};
				document.head.append(s);
			});
		}
		return pending[key];
	}

	function loadPlayer() {
		if (!document.querySelector("link[data-player]")) {
			document.head.append(element("link", { rel: "stylesheet", "data-player": "",
				href: new URL("asciinema-player.css", assets) }));
		}
		return load(new URL("asciinema-player.min.js", assets));
	}

	function loadCast(name) {
		if (casts[name] !== undefined)
			return Promise.resolve(casts[name]);
		return load(new URL("casts/" + name + ".cast.js", document.baseURI)).then(function () {
			if (casts[name] === undefined)
				throw new Error("casts/" + name + ".cast.js holds no recording");
			return casts[name];
		});
	}

	// [{at, label}] of the "m" events.
	function marksOf(text) {
		var marks = [];
		var line = /^\[\s*[0-9][0-9.eE+-]*\s*,\s*"m"\s*,.*\]\s*$/gm;
		var m;
		while ((m = line.exec(text)) !== null) {
			try {
				var event = JSON.parse(m[0]);
				marks.push({ at: event[0], label: String(event[2]) });
			} catch (ignored) {
				// A damaged line is no marker.
			}
		}
		return marks;
	}

	function clock(seconds) {
		if (seconds < 100)
			return seconds.toFixed(1) + "s";
		var s = Math.floor(seconds);
		var m = Math.floor(s / 60);
		return m + ":" + String(s % 60).padStart(2, "0");
	}

	var glyphs = { FAIL: "\u2715", ERROR: "!", MISS: "?", PASS: "\u2713", DONE: "\u2022", SKIP: "\u2013" };

	// The verdicts that the page has at the markers of one recording.
	function verdictsOf(name) {
		var links = document.querySelectorAll("a.jump[data-cast]");
		return Array.from(links).filter(function (a) {
			return a.dataset.cast === name;
		}).map(function (a) {
			return { at: Number(a.dataset.at), status: a.dataset.status };
		});
	}

	function nearest(list, at) {
		var best = -1;
		list.forEach(function (x, i) {
			if (best < 0 || Math.abs(x.at - at) < Math.abs(list[best].at - at))
				best = i;
		});
		return best >= 0 && Math.abs(list[best].at - at) < 0.05 ? best : -1;
	}

	function dialog() {
		var d = document.querySelector("dialog.player");
		if (d)
			return d;
		var skip = element("input", { type: "checkbox" });
		var close = element("button", { type: "button" }, ["Close"]);
		d = element("dialog", { "class": "player", "aria-labelledby": "player-title" }, [
			element("div", { "class": "frame" }, [
				element("header", {}, [
					element("h2", { id: "player-title" }),
					element("label", {}, [skip, " skip waits"]),
					element("a", { "class": "download", download: "" }, ["Download"]),
					close,
				]),
				element("div", { "class": "screen" }),
				element("nav", { "class": "marks", "aria-label": "Tests in this recording" }),
			]),
		]);
		close.addEventListener("click", function () {
			d.close();
		});
		skip.addEventListener("change", function () {
			if (open)
				start(open.name, open.player ? open.player.getCurrentTime() : 0, -1);
		});
		d.addEventListener("close", function () {
			stop();
			if (location.hash.startsWith("#play="))
				history.replaceState(null, "", location.pathname + location.search);
		});
		document.body.append(d);
		return d;
	}

	function stop() {
		if (!open)
			return;
		clearInterval(open.timer);
		if (open.player)
			open.player.dispose();
		open = null;
	}

	function showMarks(d, marks) {
		var nav = d.querySelector(".marks");
		var verdicts = verdictsOf(open.name);
		var list = element("ol");
		nav.replaceChildren(element("h3", {}, [marks.length ? "Tests" : "No markers"]), list);
		open.buttons = marks.map(function (mark, i) {
			var v = nearest(verdicts, mark.at);
			var status = v >= 0 ? verdicts[v].status : "";
			var sign = element("span", { "class": "v-" + status.toLowerCase(), "aria-hidden": "true" },
				[glyphs[status] || ""]);
			var button = element("button", { type: "button", "data-mark": i }, [
				sign,
				element("span", { "class": "what" }, [mark.label]),
				element("span", { "class": "when" }, [clock(mark.at)]),
			]);
			if (status)
				button.append(element("span", { "class": "unseen" }, [status]));
			button.addEventListener("click", function () {
				if (open && open.player) {
					open.player.seek({ marker: i });
					current(i);
				}
			});
			list.append(element("li", {}, [button]));
			return button;
		});
	}

	function current(index) {
		open.buttons.forEach(function (b, i) {
			if (i === index)
				b.setAttribute("aria-current", "true");
			else
				b.removeAttribute("aria-current");
		});
		if (index >= 0)
			open.buttons[index].scrollIntoView({ block: "nearest" });
	}

	// Play from `at` seconds, or from marker `mark` where that is one.
	function start(name, at, mark) {
		var d = dialog();
		var screen = d.querySelector(".screen");
		stop();
		var mine = open = { name: name, player: null, buttons: [], timer: 0 };
		screen.replaceChildren(element("p", { role: "status" }, ["Loading the recording..."]));
		Promise.all([loadCast(name), loadPlayer()]).then(function (got) {
			if (open !== mine)
				return;
			var marks = marksOf(got[0]);
			var still = matchMedia("(prefers-reduced-motion: reduce)").matches;
			var skips = d.querySelector("header input").checked;
			screen.replaceChildren();
			showMarks(d, marks);
			var index = mark >= 0 ? mark : at > 0 ? nearest(marks, at) : -1;
			mine.player = AsciinemaPlayer.create({ data: got[0] }, screen, {
				fit: "both",
				controls: true,
				preload: true,
				cursorMode: still ? "steady" : "blinking",
				idleTimeLimit: skips ? 1 : undefined,
				theme: "asciinema",
			});
			var place = index >= 0 ? { marker: index } : at > 0 ? at : 0;
			mine.player.addEventListener("marker", function (e) {
				if (open === mine)
					current(e.index);
			});
			return mine.player.seek(place).then(function () {
				if (open !== mine)
					return undefined;
				current(index);
				return still ? undefined : mine.player.play();
			});
		}).catch(function (error) {
			if (open === mine)
				screen.replaceChildren(element("p", { role: "alert" }, [
					"The recording cannot be played here: " + error.message +
					". The download link above still gives it." ]));
		});
	}

	function show(name, title, href, at) {
		var d = dialog();
		d.querySelector("h2").textContent = title;
		d.querySelector(".download").href = href;
		if (!d.open)
			d.showModal();
		start(name, at, -1);
	}

	function showLink(a) {
		var at = Number(a.dataset.at || 0);
		history.replaceState(null, "", "#play=" + encodeURIComponent(a.dataset.cast) + (at ? "@" + at : ""));
		show(a.dataset.cast, a.dataset.title || a.dataset.cast, a.href, at);
	}

	document.addEventListener("click", function (e) {
		var a = e.target.closest ? e.target.closest("a[data-cast]") : null;
		if (!a || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey)
			return;
		e.preventDefault();
		showLink(a);
	});

	// A page's address with #play=NAME@SECONDS opens the recording there.
	function fromAddress() {
		var m = /^#play=([^@]+)(?:@([0-9.]+))?$/.exec(location.hash);
		if (!m)
			return;
		var name = decodeURIComponent(m[1]);
		var a = Array.from(document.querySelectorAll("a.cast[data-cast]")).find(function (x) {
			return x.dataset.cast === name;
		});
		if (a)
			show(name, a.dataset.title || name, a.href, Number(m[2] || 0));
	}

	document.querySelectorAll("button[data-copy]").forEach(function (button) {
		button.hidden = false;
		button.addEventListener("click", function () {
			var source = document.getElementById(button.dataset.copy);
			var said = function (word) {
				button.textContent = word;
				setTimeout(function () {
					button.textContent = "Copy";
				}, 1500);
			};
			var select = function () {
				// No clipboard for this page: mark the text, so that a key press copies it.
				getSelection().selectAllChildren(source);
				said("Selected");
			};
			if (!navigator.clipboard)
				select();
			else
				navigator.clipboard.writeText(source.textContent).then(function () {
					said("Copied");
				}, select);
		});
	});
	addEventListener("hashchange", fromAddress);
	fromAddress();
})();
