(function(){var b=document.querySelector("button.theme"),r=document.documentElement;if(!b)return;b.hidden=false;
b.addEventListener("click",function(){var dark=r.dataset.theme?r.dataset.theme==="dark":matchMedia("(prefers-color-scheme:dark)").matches;
r.dataset.theme=dark?"light":"dark";b.setAttribute("aria-pressed",String(!dark));});})();
